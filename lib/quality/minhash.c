#include "quality/minhash.h"

#include <stdlib.h>
#include <string.h>

#define CHARS_MAX 4 /* bytes of a character */

/* The checksum by which pg_trgm keeps trigrams of more than three bytes: its COMP_LEGACY_CRC32, the
 * reflected table of IEEE 802.3 walked the other way round. */
static uint32_t legacy_crc32(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        uint32_t row = (crc >> 24 ^ p[i]) & 0xff;

        for (int bit = 0; bit < 8; bit++)
            row = (row & 1) != 0 ? row >> 1 ^ 0xedb88320 : row >> 1;
        crc = row ^ crc << 8;
    }
    return crc ^ 0xffffffff;
}

static uint32_t compact(const unsigned char *p, size_t n)
{
    uint32_t crc;

    if (n == 3)
        return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    crc = legacy_crc32(p, n);
    return (crc & 0xff) << 16 | (crc & 0xff00) | (crc >> 16 & 0xff);
}

static size_t character(const unsigned char *p, size_t n)
{
    size_t length = 1;

    while (length < n && length < CHARS_MAX && (p[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static void add(struct trigrams *t, const unsigned char *p, size_t n)
{
    if (t->n < TRIGRAMS_MAX)
        t->all[t->n++] = compact(p, n);
}

/* The trigrams of "  word ". */
static void add_word(struct trigrams *t, const unsigned char *word, size_t n)
{
    unsigned char window[3 * CHARS_MAX] = "  ";
    size_t lengths[3] = {1, 1, 0}, used = 2;

    for (size_t i = 0; i <= n;) {
        size_t length = i < n ? character(word + i, n - i) : 1;

        memcpy(window + used, i < n ? word + i : (const unsigned char *)" ", length);
        lengths[2] = length;
        used += length;
        add(t, window, used);
        used -= lengths[0];
        memmove(window, window + lengths[0], used);
        lengths[0] = lengths[1];
        lengths[1] = lengths[2];
        i += length;
    }
}

static int number_order(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void trigrams_of(struct span folded, struct trigrams *ret)
{
    size_t kept = 0;

    ret->n = 0;
    for (size_t i = 0; i < folded.n;) {
        size_t start = i;

        while (i < folded.n && folded.p[i] != ' ')
            i++;
        if (i > start)
            add_word(ret, (const unsigned char *)folded.p + start, i - start);
        i++;
    }
    if (ret->n > 1)
        qsort(ret->all, ret->n, sizeof(ret->all[0]), number_order);
    for (size_t i = 0; i < ret->n; i++)
        if (i == 0 || ret->all[i] != ret->all[i - 1])
            ret->all[kept++] = ret->all[i];
    ret->n = kept;
}

float trigrams_similarity(const struct trigrams *a, const struct trigrams *b)
{
    size_t i = 0, j = 0, shared = 0;

    if (a->n == 0 || b->n == 0)
        return 0;
    while (i < a->n && j < b->n) {
        if (a->all[i] == b->all[j]) {
            shared++;
            i++;
            j++;
        } else if (a->all[i] < b->all[j]) {
            i++;
        } else {
            j++;
        }
    }
    return (float)shared / (float)(a->n + b->n - shared);
}

/* The finaliser of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", 2014). */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* The hash of a trigram, one of many functions. */
static uint64_t hash_of(uint32_t trigram, uint64_t band, uint64_t row)
{
    return mixed((band * BAND_ROWS + row + 1) * 0x9e3779b97f4a7c15 + trigram);
}

/* The two least hashes of all trigrams. */
static void least_two(const struct trigrams *t, uint64_t band, uint64_t row, uint64_t least[2])
{
    least[0] = least[1] = UINT64_MAX;
    for (size_t i = 0; i < t->n; i++) {
        uint64_t h = hash_of(t->all[i], band, row);

        if (h < least[0]) {
            least[1] = least[0];
            least[0] = h;
        } else if (h < least[1]) {
            least[1] = h;
        }
    }
}

/* A band of the least hashes, but for one row, of which the second is taken. */
static int32_t band_of(uint64_t band, uint64_t least[BAND_ROWS][2], size_t second)
{
    uint64_t hash = mixed(band + 1);

    for (size_t row = 0; row < BAND_ROWS; row++)
        hash = mixed(hash ^ least[row][row == second]);
    return (int32_t)(uint32_t)(hash >> 32);
}

bool minhash_of(const struct trigrams *t, struct minhash *ret)
{
    uint64_t least[BAND_ROWS][2];

    memset(ret, 0, sizeof(*ret));
    if (t->n == 0)
        return false;
    for (uint64_t band = 0; band < BANDS; band++) {
        for (size_t row = 0; row < BAND_ROWS; row++)
            least_two(t, band, row, least[row]);
        ret->bands[band] = band_of(band, least, BAND_ROWS);
        for (size_t row = 0; row < BAND_ROWS; row++)
            ret->probes[band * BAND_ROWS + row] = band_of(band, least, row);
    }
    for (size_t i = 0; i < t->n; i++)
        ret->print ^= (uint64_t)1 << (mixed(t->all[i]) >> 58);
    ret->trigrams = t->n;
    return true;
}
