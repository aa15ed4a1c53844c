#include "quality/score.h"

#include <math.h>

double score_worth(const struct score_rule *r, int64_t age_s)
{
    double age = age_s > 0 ? (double)age_s : 0;

    if (r->expires_days && age >= (double)r->expires_days * SCORE_DAY_S)
        return 0;
    if (!r->half_life_days)
        return (double)r->points;
    return (double)r->points * exp2(-age / ((double)r->half_life_days * SCORE_DAY_S));
}

static void sooner(struct score_part *p, int64_t seconds)
{
    if (p->next_s == 0 || seconds < p->next_s)
        p->next_s = seconds;
}

bool score_add(struct score_part *p, const struct score_rule *r, int64_t age_s)
{
    int64_t age = age_s > 0 ? age_s : 0;
    int64_t expires_s = r->expires_days * SCORE_DAY_S;

    if (expires_s && age >= expires_s)
        return false;
    if (expires_s)
        sooner(p, expires_s - age_s);
    p->events++;
    p->points += r->points;
    p->sum += score_worth(r, age);
    return true;
}

void score_hold(struct score_part *p, const struct score_rule *r)
{
    p->points = r->points;
    p->worth = r->points;
}

static double held(double sum, int64_t cap)
{
    if (cap && fabs(sum) > (double)cap)
        return sum < 0 ? -(double)cap : (double)cap;
    return sum;
}

void score_close(struct score_part *p, const struct score_rule *r)
{
    p->points = (int64_t)held((double)p->points, r->cap);
    p->worth = llround(held(p->sum, r->cap));
    /* less than a half is nothing, and stays it */
    if (r->half_life_days && fabs(p->sum) >= 0.5)
        sooner(p, SCORE_DAY_S);
}
