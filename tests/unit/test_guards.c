#include "blueprint_fixture.h"

/* Facts that every case shares; a case lays its own members over them. */
static const char FACTS[] =
    "{'now':'2026-11-21T12:00:00Z','actor':{'kind':'user','id':'anna','roles':['sales'],'teams':['"
    "north']},"
    "'state':'open','state_entered_at':'2026-11-20T12:00:00.500000Z','created_by':'anna',"
    "'record':{'industry':null,'company':'Acme','dash':'—','cedilla':'¸','wide':'\\u3000\\ufeff','"
    "blank':' "
    "\\u00a0\\u200b\\t','zero':0,'no':false,'yes':true,"
    "'tags':[],'words':['a'],'amount':{'amount':'1234.50','currency':'PLN'},'price':{'amount':null,"
    "'currency':null},"
    "'probability':40,'ratio':0.1,'tiny':1e-7,'huge':1e22,'third':0.33333333333333331,'delivery_"
    "date':'2026-12-01','call_back_at':'2026-11-21T13:00:00+"
    "01:00',"
    "'owner_id':'bob','extra':{'size':'20'}},"
    "'related':{'account':{'verification':'to_verify','value':{'amount':'10'}}},"
    "'activities':[{'kind':'call','subject':'Hello','outcome':'reached','at':'2026-11-21T09:00:00Z'"
    "},"
    "{'kind':'call','subject':'','outcome':'no_answer','at':'2026-11-21T10:00:00Z'},"
    "{'kind':'meeting','subject':'Old','at':'2026-11-20T12:00:00.499999Z'},"
    "{'kind':'visit','subject':'Just','at':'2026-11-20T12:00:00.500000Z'},"
    "{'kind':'survey','outcome':'sent','subject':null,'created_at':'2026-11-21T00:00:00Z'}],"
    "'tasks':[{'status':'open','subject':'a','created_at':'2026-11-21T00:00:00Z'},{'status':'open',"
    "'subject':'b'},"
    "{'status':'done','subject':'c','created_at':'2026-11-01T00:00:00Z'}],"
    "'visits':[{'state':'open','entered_at':'2026-11-19T12:00:00Z'},{'state':'done'},{'state':'"
    "open'}],"
    "'transitions_done':[{'transition':'move','by':'anna','at':'2026-11-19T12:00:00Z'},"
    "{'transition':'move','by':'bob','at':'2026-11-20T12:00:00Z'}],"
    "'changed_since_entry':['company','amount'],'duplicates':2,"
    "'ticks':[{'item':'papers','at':'2026-11-20T12:00:00.499999Z'},"
    "{'item':'deposit','at':'2026-11-21T00:00:00Z'}],"
    "'calendars':{'office':{'open':true,'opens_at':'2026-11-21T12:00:00Z'},"
    "'night':{'open':false,'opens_at':'2026-11-21T22:00:00Z'}},"
    "'contacts':[{'email':'jan@example.org','role':'buyer','created_at':'2026-11-01T00:00:00Z'},"
    "{'email':'no address','role':null},{'email':null,'role':'buyer'}],"
    "'approvals':{'move':['boss']},'segments':['regular'],"
    "'opportunities':[{'stage_category':'open','amount':{'amount':'100.00','currency':'PLN'}},"
    "{'stage_category':'won','amount':null}]}";

struct guard_case {
    const char *kind;
    const char *params;
    bool passed;
    const char *observed;
    const char *expected;
    const char *path;
    const char *pointer; /* "" for none */
    const char *brought; /* what the request brings, or NULL */
};

static const struct guard_case guard_cases[] = {
    /* presence */
    {"field_present", "{'field':'industry'}", false, "null", "'a value'", "industry",
     "/fields/industry", NULL},
    {"field_present", "{'field':'company'}", true, "'Acme'", "'a value'", "company", "", NULL},
    /* related records */
    {"related_exists", "{'of':'contact','where':[{'field':'email','is':'email'}]}", true, "1",
     "{'of':'contact','where':[{'field':'email','is':'email'}],'min':1}", "contacts", "", NULL},
    {"related_exists", "{'of':'contact','where':[{'field':'email','is':'present'}],'min':3}", false,
     "2", NULL, "contacts", "", NULL},
    {"related_exists",
     "{'of':'contact','where':[{'field':'email','is':'email'},{'field':'role','value':'seller'}]}",
     false, "0", NULL, "contacts", "", NULL},
    {"related_exists", "{'of':'contact','since_entry':true}", false, "0", NULL, "contacts", "",
     NULL},
    {"related_exists",
     "{'of':'opportunity','where':[{'field':'amount.amount','op':'gte','value':'99.5'}]}", true,
     "1", NULL, "opportunities", "", NULL},
    {"related_exists", "{'of':'activity','where':[{'field':'outcome','op':'in','value':['sent']}]}",
     true, "1", NULL, "activities", "/activities", NULL},
    {"related_exists",
     "{'of':'activity','where':[{'field':'kind','value':'demo'}],'since_entry':true}", true, "1",
     NULL, "activities", "/activities", "{'activities':[{'kind':'demo'}]}"},
    {"related_exists", "{'of':'task','max':2}", false, "3", "{'of':'task','max':2}", "tasks", "",
     NULL},
    {"children_closed", "{'of':'task'}", false, "2", "{'max':0}", "tasks", "", NULL},
    {"children_closed", "{'of':'task'}", false, "2", "{'max':0}", "tasks", "",
     "{'tasks':[{'subject':'next'}]}"},
    {"duplicate_free", "{}", false, "2", "{'max':0}", "duplicates", "", NULL},
    /* changes */
    {"field_changed", "{'field':'company'}", true, "true", "{'changed':true}", "company", "", NULL},
    {"field_changed", "{'field':'amount.currency'}", true, "true", NULL, "amount.currency",
     "/fields/amount/currency", NULL},
    {"field_changed", "{'field':'industry'}", false, "false", NULL, "industry", "/fields/industry",
     NULL},
    {"field_changed", "{'field':'industry','not':true}", true, "false", "{'changed':false}",
     "industry", "/fields/industry", NULL},
    {"field_changed", "{'field':'industry'}", true, "true", NULL, "industry", "/fields/industry",
     "{'fields':{'industry':'it'}}"},
    {"field_changed", "{'field':'industry'}", false, "false", NULL, "industry", "/fields/industry",
     "{'fields':{'industry':null}}"},
    /* patterns */
    {"matches", "{'field':'company','pattern':'^A.me$'}", true, "'Acme'", "{'pattern':'^A.me$'}",
     "company", "", NULL},
    {"matches", "{'field':'company','pattern':'^a'}", false, "'Acme'", NULL, "company", "", NULL},
    {"matches", "{'field':'industry','pattern':'.*'}", false, "null", NULL, "industry",
     "/fields/industry", NULL},
    {"matches", "{'field':'zero','pattern':'0'}", false, "0", NULL, "zero", "", NULL},
    {"matches", "{'field':'industry','pattern':'^\\\\p{L}+$'}", true, "'łąka'", NULL, "industry",
     "/fields/industry", "{'fields':{'industry':'łąka'}}"},
    {"matches", "{'field':'industry','pattern':'^(a+)+$'}", false,
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'", NULL,
     "industry", "/fields/industry",
     "{'fields':{'industry':"
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'}}"},
    /* checklists */
    {"checklist_complete", "{'items':['papers','deposit']}", true, "['papers','deposit']",
     "['papers','deposit']", "checklist", "", NULL},
    {"checklist_complete", "{'items':['papers','deposit'],'since_entry':true}", false,
     "['deposit']", NULL, "checklist", "", NULL},
    {"checklist_complete", "{'items':'contract'}", false, "[]", "['contract']", "checklist", "",
     NULL},
    {"checklist_complete", "{'items':['contract','deposit']}", true, "['contract','deposit']", NULL,
     "checklist", "", "{'checklist':['contract']}"},
    {"checklist_complete", "{'items':['contract']}", false, "[]", NULL, "checklist", "",
     "{'checklist':[{'item':'contract','done':false}]}"},
    /* working time */
    {"working_time", "{'calendar':'office'}", true, "true", "{'calendar':'office'}", "now", "",
     NULL},
    {"working_time", "{'calendar':'night'}", false, "'2026-11-21T22:00:00Z'", NULL, "now", "",
     NULL},
    {"working_time", "{'calendar':'gone'}", false, "null", NULL, "now", "", NULL},
    /* segments */
    {"in_segment", "{'segment':'regular'}", true, "true", "{'segment':'regular'}", "segments", "",
     NULL},
    {"in_segment", "{'segment':'at_risk'}", false, "false", NULL, "segments", "", NULL},
    {"in_segment", "{'segment':'at_risk','not':true}", true, "false",
     "{'segment':'at_risk','not':true}", "segments", "", NULL},
    {"in_segment", "{'segment':'regular','not':true}", false, "true", NULL, "segments", "", NULL},
    /* score */
    {"score_at_least", "{'min':50}", true, "70", "{'gte':50}", "score", "",
     "{'fields':{'score':70}}"},
    {"score_at_least", "{'min':71}", false, "70", NULL, "score", "", "{'fields':{'score':70}}"},
    {"score_at_least", "{'min':0}", true, "0", NULL, "score", "", NULL},
    /* approval: one of two has agreed */
    {"approval", "{}", false, "1", "{'transition':'move','min':2}", "approvals", "", NULL},
    {"approval", "{'needed':1}", true, "1", "{'transition':'move','min':1}", "approvals", "", NULL},
    {"approval", "{'transition':'move','needed':2}", false, "1", NULL, "approvals", "", NULL},
    {"field_present", "{'field':'blank'}", false, NULL, "'a value'", "blank", "", NULL},
    {"field_present", "{'field':'wide'}", false, NULL, "'a value'", "wide", "", NULL},
    {"field_present", "{'field':'dash'}", true, NULL, "'a value'", "dash", "", NULL},
    {"field_present", "{'field':'cedilla'}", true, NULL, "'a value'", "cedilla", "", NULL},
    {"field_present", "{'field':'zero'}", true, "0", "'a value'", "zero", "", NULL},
    {"field_present", "{'field':'no'}", true, "false", "'a value'", "no", "", NULL},
    {"field_present", "{'field':'tags'}", false, "[]", "'a value'", "tags", "", NULL},
    {"field_present", "{'field':'words'}", true, "['a']", "'a value'", "words", "", NULL},
    {"field_present", "{'field':'nowhere'}", false, "null", "'a value'", "nowhere", "", NULL},
    {"field_present", "{'field':'amount'}", true, NULL, "'a value'", "amount", "/fields/amount",
     NULL},
    {"field_present", "{'field':'price'}", false, NULL, "'a value'", "price", "", NULL},
    {"field_present", "{'field':'extra.size'}", true, "'20'", "'a value'", "extra.size", "", NULL},
    {"field_present", "{'field':'extra.size.more'}", false, "null", "'a value'", "extra.size.more",
     "", NULL},
    {"field_present", "{'field':'industry'}", true, "'it'", "'a value'", "industry",
     "/fields/industry", "{'fields':{'industry':'it'}}"},
    {"field_present", "{'field':'industry'}", false, "''", "'a value'", "industry",
     "/fields/industry", "{'fields':{'industry':''}}"},
    /* equality of what is alike */
    {"field_compare", "{'field':'yes','op':'eq','value':true}", true, "true", "true", "yes", "",
     NULL},
    {"field_compare", "{'field':'yes','value':true}", true, "true", "true", "yes", "", NULL},
    {"field_compare", "{'field':'no','op':'eq','value':true}", false, "false", "true", "no", "",
     NULL},
    {"field_compare", "{'field':'no','op':'ne','value':true}", true, "false", "{'ne':true}", "no",
     "", NULL},
    {"field_compare", "{'field':'company','op':'eq','value':'Acme'}", true, "'Acme'", "'Acme'",
     "company", "", NULL},
    {"field_compare", "{'field':'company','op':'eq','value':'acme'}", false, "'Acme'", "'acme'",
     "company", "", NULL},
    {"field_compare", "{'field':'company','op':'lt','value':'B'}", true, "'Acme'", "{'lt':'B'}",
     "company", "", NULL},
    {"field_compare", "{'field':'company','op':'in','value':['A','Acme']}", true, "'Acme'",
     "{'in':['A','Acme']}", "company", "", NULL},
    {"field_compare", "{'field':'company','op':'not_in','value':['A','Acme']}", false, "'Acme'",
     "{'not_in':['A','Acme']}", "company", "", NULL},
    {"field_compare", "{'field':'company','op':'not_in','value':['A',7]}", true, "'Acme'",
     "{'not_in':['A',7]}", "company", "", NULL},
    /* several values have any or all of a list */
    {"field_compare", "{'field':'words','op':'has_any','value':['x','a']}", true, "['a']",
     "{'has_any':['x','a']}", "words", "", NULL},
    {"field_compare", "{'field':'words','op':'has_any','value':['x','A']}", false, "['a']",
     "{'has_any':['x','A']}", "words", "", NULL},
    {"field_compare", "{'field':'words','op':'has_all','value':['a']}", true, "['a']",
     "{'has_all':['a']}", "words", "", NULL},
    {"field_compare", "{'field':'words','op':'has_all','value':['a','x']}", false, "['a']",
     "{'has_all':['a','x']}", "words", "", NULL},
    {"field_compare", "{'field':'company','op':'has_any','value':['Acme']}", false, "'Acme'",
     "{'has_any':['Acme']}", "company", "", NULL},
    {"field_compare", "{'field':'industry','op':'has_all','value':['it']}", false, "null",
     "{'has_all':['it']}", "industry", "/fields/industry", NULL},
    /* what is not there satisfies nothing, what is of another type only "not" */
    {"field_compare", "{'field':'industry','op':'ne','value':'it'}", false, "null", "{'ne':'it'}",
     "industry", "/fields/industry", NULL},
    {"field_compare", "{'field':'industry','op':'not_in','value':['it']}", false, "null",
     "{'not_in':['it']}", "industry", "/fields/industry", NULL},
    {"field_compare", "{'field':'words','op':'ne','value':'it'}", false, "['a']", "{'ne':'it'}",
     "words", "", NULL},
    {"field_compare", "{'field':'company','op':'gt','value':5}", false, "'Acme'", "{'gt':5}",
     "company", "", NULL},
    {"field_compare", "{'field':'company','op':'ne','value':5}", true, "'Acme'", "{'ne':5}",
     "company", "", NULL},
    {"field_compare", "{'field':'yes','op':'eq','value':'true'}", false, "true", "'true'", "yes",
     "", NULL},
    /* numbers */
    {"field_compare", "{'field':'probability','op':'gte','value':40}", true, "40", "{'gte':40}",
     "probability", "", NULL},
    {"field_compare", "{'field':'probability','op':'gt','value':39.999}", true, "40", NULL,
     "probability", "", NULL},
    {"field_compare", "{'field':'probability','op':'gt','value':40.001}", false, "40", NULL,
     "probability", "", NULL},
    {"field_compare", "{'field':'probability','op':'lt','value':100}", true, "40", "{'lt':100}",
     "probability", "", NULL},
    {"field_compare", "{'field':'ratio','op':'eq','value':0.1}", true, NULL, NULL, "ratio", "",
     NULL},
    {"field_compare", "{'field':'zero','op':'gt','value':-1}", true, "0", "{'gt':-1}", "zero", "",
     NULL},
    {"field_compare", "{'field':'zero','op':'eq','value':-0.0}", true, "0", NULL, "zero", "", NULL},
    {"field_compare", "{'field':'extra.size','op':'gt','value':3}", true, "'20'", "{'gt':3}",
     "extra.size", "", NULL},
    {"field_compare", "{'field':'tiny','op':'eq','value':1e-7}", true, NULL, NULL, "tiny", "",
     NULL},
    {"field_compare", "{'field':'tiny','op':'gt','value':'0.00000009'}", true, NULL, NULL, "tiny",
     "", NULL},
    {"field_compare", "{'field':'huge','op':'eq','value':'10000000000000000000000'}", true, NULL,
     NULL, "huge", "", NULL},
    {"field_compare", "{'field':'huge','op':'gt','value':9999999999999}", true, NULL, NULL, "huge",
     "", NULL},
    {"field_compare", "{'field':'third','op':'eq','value':0.33333333333333331}", true, NULL, NULL,
     "third", "", NULL},
    {"field_compare", "{'field':'third','op':'gt','value':'0.333333333333333'}", true, NULL, NULL,
     "third", "", NULL},
    {"field_compare", "{'field':'yes','op':'eq','value':1}", false, "true", "1", "yes", "", NULL},
    /* money: text, compared as it is written */
    {"field_compare", "{'field':'amount.amount','op':'gte','value':'1234.5'}", true, "'1234.50'",
     "{'gte':'1234.5'}", "amount.amount", "/fields/amount/amount", NULL},
    {"field_compare", "{'field':'amount.amount','op':'eq','value':'001234.500'}", true, "'1234.50'",
     "'001234.500'", "amount.amount", "/fields/amount/amount", NULL},
    {"field_compare", "{'field':'amount.amount','op':'gt','value':'999'}", true, "'1234.50'",
     "{'gt':'999'}", "amount.amount", "/fields/amount/amount", NULL},
    {"field_compare", "{'field':'amount.amount','op':'lt','value':1234.51}", true, "'1234.50'",
     NULL, "amount.amount", "/fields/amount/amount", NULL},
    {"field_compare", "{'field':'amount.amount','op':'gt','value':0}", false, "'-5'", "{'gt':0}",
     "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'-5','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'lt','value':'-4.9'}", true, "'-5'",
     "{'lt':'-4.9'}", "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'-5','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'eq','value':'0.1'}", true, "'0.10'", "'0.1'",
     "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'0.10','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'gt','value':'9007199254740992.0001'}", true,
     "'9007199254740992.0002'", NULL, "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'9007199254740992.0002','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'gt','value':0.001}", true, "'0.0011'", NULL,
     "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'0.0011','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'gte','value':'0'}", false, "'lots'", NULL,
     "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'lots','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.amount','op':'gte','value':'0'}", false, "'1e5'", NULL,
     "amount.amount", "/fields/amount/amount",
     "{'fields':{'amount':{'amount':'1e5','currency':'PLN'}}}"},
    {"field_compare", "{'field':'amount.currency','op':'eq','value':'PLN'}", true, "'PLN'", "'PLN'",
     "amount.currency", "/fields/amount/currency", NULL},
    {"field_compare", "{'field':'amount','op':'gt','value':0}", false, NULL, "{'gt':0}", "amount",
     "/fields/amount", NULL},
    /* dates and times */
    {"field_compare", "{'field':'delivery_date','op':'gt','value':'2026-11-30'}", true,
     "'2026-12-01'", NULL, "delivery_date", "", NULL},
    {"field_compare", "{'field':'delivery_date','op':'lte','value':'2026-11-30'}", false,
     "'2026-12-01'", NULL, "delivery_date", "", NULL},
    {"field_compare", "{'field':'delivery_date','op':'gte','value':'2026-12-01T00:00:00Z'}", true,
     NULL, NULL, "delivery_date", "", NULL},
    {"field_compare", "{'field':'delivery_date','op':'gte','value':'2026-12-01T00:00:00.000001Z'}",
     false, NULL, NULL, "delivery_date", "", NULL},
    {"field_compare", "{'field':'call_back_at','op':'eq','value':'2026-11-21T12:00:00Z'}", true,
     NULL, NULL, "call_back_at", "", NULL},
    {"field_compare", "{'field':'call_back_at','op':'lt','value':'2026-11-21T06:00:01.5-06:00'}",
     true, NULL, NULL, "call_back_at", "", NULL},
    {"field_compare", "{'field':'company','op':'lt','value':'2026-11-21'}", false, "'Acme'", NULL,
     "company", "", NULL},
    {"field_compare", "{'field':'delivery_date','op':'gt','value':'Acme'}", false, NULL, NULL,
     "delivery_date", "", NULL},
    /* other records */
    {"related_field", "{'field':'account.verification','op':'eq','value':'verified'}", false,
     "'to_verify'", "'verified'", "account.verification", "", NULL},
    {"related_field",
     "{'field':'account.verification','op':'in','value':['verified','rejected'],'aim':'verified'}",
     false, "'to_verify'", "'verified'", "account.verification", "", NULL},
    {"related_field", "{'field':'account.verification','op':'in','value':['verified','to_verify']}",
     true, "'to_verify'", "{'in':['verified','to_verify']}", "account.verification", "", NULL},
    {"related_field", "{'field':'account.value.amount','op':'gt','value':'9.99'}", true, "'10'",
     NULL, "account.value.amount", "", NULL},
    {"related_field", "{'field':'parent.verification','value':'verified'}", false, "null",
     "'verified'", "parent.verification", "", NULL},
    /* activities */
    {"related_count", "{'of':'activity','kind':'call'}", true, "2",
     "{'of':'activity','kind':'call','min':1}", "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'call','has_subject':true,'min':2}", false, "1",
     NULL, "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'call','has_subject':false,'min':2}", true, "2",
     NULL, "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':['call','meeting'],'min':3}", true, "3", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','min':6}", false, "5", NULL, "activities", "/activities",
     NULL},
    {"related_count", "{'of':'activity','kind':'call','outcome':'reached'}", true, "1", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'call','outcome':['reached','no_answer'],'min':2}",
     true, "2", NULL, "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'survey','outcome':'opened'}", false, "0", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'call','max':1}", false, "2",
     "{'of':'activity','kind':'call','max':1}", "activities", "", NULL},
    {"related_count", "{'of':'activity','kind':'demo','max':0}", true, "0", NULL, "activities",
     "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'demo','min':0}", true, "0", NULL, "activities",
     "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'call','min':1,'max':2}", true, "2", NULL,
     "activities", "/activities", NULL},
    /* freshness */
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", false, "0", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'visit','since_entry':true}", true, "1", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'survey','since_entry':true}", true, "1", NULL,
     "activities", "/activities", NULL},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", true, "1", NULL,
     "activities", "/activities", "{'activities':[{'kind':'meeting','subject':'New'}]}"},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", true, "1", NULL,
     "activities", "/activities",
     "{'activities':[{'kind':'meeting','subject':'New','occurred_at':'2026-11-21T11:00:00Z'}]}"},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", false, "0", NULL,
     "activities", "/activities/1/occurred_at",
     "{'activities':[{'kind':'email'},{'kind':'meeting','occurred_at':'2026-11-01T11:00:00Z'}]}"},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", false, "0", NULL,
     "activities", "/activities/0/occurred_at",
     "{'activities':[{'kind':'meeting','occurred_at':'2999-01-01T00:00:00Z'}]}"},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", true, "1", NULL,
     "activities", "/activities",
     "{'activities':[{'kind':'meeting','occurred_at':'2026-11-21T12:04:00Z'}]}"},
    {"related_count", "{'of':'activity','kind':'meeting','since_entry':true}", false, "0", NULL,
     "activities", "/activities", "{'activities':[{'kind':'email','at':'2026-11-21T11:00:00Z'}]}"},
    /* near misses */
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true}", false, "0", NULL,
     "activities", "/activities/0/subject", "{'activities':[{'kind':'demo'}]}"},
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true}", false, "0", NULL,
     "activities", "/activities/1/subject",
     "{'activities':[{'kind':'call','subject':'x'},{'kind':'demo','subject':'  '}]}"},
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true}", true, "1", NULL,
     "activities", "/activities", "{'activities':[{'kind':'demo'},{'kind':'demo','subject':'x'}]}"},
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true,'outcome':'held'}", false,
     "0", NULL, "activities", "/activities", "{'activities':[{'kind':'demo'}]}"},
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true,'outcome':'held'}", false,
     "0", NULL, "activities", "/activities/0/outcome",
     "{'activities':[{'kind':'demo','subject':'x','outcome':'planned'}]}"},
    {"related_count", "{'of':'activity','kind':'demo','has_subject':true}", false, "0", NULL,
     "activities", "/activities", "{'activities':[{'kind':'call'}]}"},
    /* tasks */
    {"related_count", "{'of':'task','status':'open','min':2}", true, "2", NULL, "tasks", "/tasks",
     NULL},
    {"related_count", "{'of':'task','status':['done','cancelled'],'min':2}", false, "1", NULL,
     "tasks", "/tasks", NULL},
    {"related_count", "{'of':'task','since_entry':true,'min':2}", false, "1", NULL, "tasks",
     "/tasks", NULL},
    {"related_count", "{'of':'task','since_entry':true,'has_subject':true,'min':2}", false, "1",
     NULL, "tasks", "/tasks/0/subject", "{'tasks':[{'subject':''}]}"},
    {"related_count", "{'of':'task','status':'done','min':2}", false, "1", NULL, "tasks",
     "/tasks/0/status", "{'tasks':[{'subject':'x'}]}"},
    {"open_tasks", "{'max':0}", false, "2", "{'max':0}", "tasks", "", NULL},
    {"open_tasks", "{}", false, "2", "{'max':0}", "tasks", "", NULL},
    {"open_tasks", "{'max':2}", true, "2", "{'max':2}", "tasks", "",
     "{'tasks':[{'subject':'follow up'}]}"},
    /* history */
    {"visited_state", "{'state':'done'}", true, "['open','done']", "{'visited':'done'}", "visits",
     "", NULL},
    {"visited_state", "{'state':'done','not':false}", true, "['open','done']", "{'visited':'done'}",
     "visits", "", NULL},
    {"visited_state", "{'state':'done','not':true}", false, "['open','done']",
     "{'not_visited':'done'}", "visits", "", NULL},
    {"time_in_state", "{'min_seconds':86399}", true, "86399", "{'min_seconds':86399}",
     "time_in_state", "", NULL},
    {"time_in_state", "{'min_seconds':86400}", false, "86399", NULL, "time_in_state", "", NULL},
    {"time_in_state", "{'max_seconds':86400}", true, "86399", NULL, "time_in_state", "", NULL},
    {"time_in_state", "{'max_seconds':86399}", false, "86399", NULL, "time_in_state", "", NULL},
    {"time_in_state", "{'min_seconds':1,'max_seconds':2}", false, "86399", NULL, "time_in_state",
     "", NULL},
    /* people */
    {"actor_has_role", "{'role':'sales'}", true, "['sales']", "['sales']", "actor.roles", "", NULL},
    {"actor_has_role", "{'roles':['verifier','admin']}", false, "['sales']", "['verifier','admin']",
     "actor.roles", "", NULL},
    {"actor_has_role", "{'roles':['verifier','sales']}", true, "['sales']", NULL, "actor.roles", "",
     NULL},
    {"actor_differs", "{'from':'creator'}", false, "'anna'", "{'other_than':'creator'}", "actor",
     "", NULL},
    {"actor_differs", "{'from':'owner_id'}", true, "'bob'", "{'other_than':'owner_id'}", "actor",
     "", NULL},
    {"actor_differs", "{'from':'transition:move'}", false, "'anna'",
     "{'other_than':'transition:move'}", "actor", "", NULL},
    {"actor_differs", "{'from':'transition:created'}", true, "null", NULL, "actor", "", NULL},
    {"actor_differs", "{'from':'industry'}", true, "null", NULL, "actor", "", NULL},
};

static void assert_json(const json_t *v, const char *wanted, const char *what,
                        const struct guard_case *c)
{
    json_t *other = js(wanted);

    if (!json_equal(v, other)) {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

        fail_msg("%s %s: %s is %s, not %s", c->kind, c->params, what, text, wanted);
    }
    json_decref(other);
}

static struct blueprint *compile_guard(const char *kind, const char *params)
{
    char guards[2048];

    (void)snprintf(guards, sizeof(guards), "[{'key':'g','kind':'%s','params':%s}]", kind, params);
    return fixture_compile(guards, "[{'key':'i','kind':'field','params':{'field':'industry'}},"
                                   "{'key':'a','kind':'field','params':{'field':'amount'}}],"
                                   "'approval':{'needed':2,'actors':[{'kind':'role','value':'"
                                   "manager'}]}");
}

static void run_guard_case(const struct guard_case *c)
{
    struct blueprint *b = compile_guard(c->kind, c->params);
    json_t *facts = js(FACTS), *before, *inputs = c->brought != NULL ? js(c->brought) : NULL;
    json_t *all = facts_with_inputs(facts, inputs);
    const struct verdict *root, *v;
    struct arena a;

    before = json_deep_copy(all);
    arena_init(&a, 1 << 20);
    root = evaluate(blueprint_transition(b, "move"), all, &a);
    assert_non_null(root);
    assert_int_equal(root->nchildren, 1);
    v = &root->children[0];
    assert_int_equal(root->passed, v->passed);
    if (v->passed != c->passed)
        fail_msg("%s %s %s: passed is %d", c->kind, c->params, c->brought != NULL ? c->brought : "",
                 v->passed);
    if (c->observed != NULL)
        assert_json(v->observed, c->observed, "observed", c);
    if (c->expected != NULL)
        assert_json(v->expected, c->expected, "expected", c);
    assert_string_equal(v->path, c->path);
    if (strcmp(v->pointer != NULL ? v->pointer : "", c->pointer) != 0)
        fail_msg("%s %s %s: pointer is %s", c->kind, c->params,
                 c->brought != NULL ? c->brought : "", v->pointer);
    assert_true(json_equal(all, before));
    json_decref(facts);
    json_decref(before);
    json_decref(inputs);
    json_decref(all); /* the verdict keeps what it shows */
    free(json_dumps(v->observed, JSON_ENCODE_ANY));
    arena_done(&a);
    blueprint_destroy(b);
}

static void each_kind_judges_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(guard_cases); i++)
        run_guard_case(&guard_cases[i]);
}

static const struct {
    const char *kind, *params;
    bool passed;
} absences[] = {
    {"field_present", "{'field':'company'}", false},
    {"field_compare", "{'field':'company','op':'ne','value':'x'}", false},
    {"related_field", "{'field':'account.verification','value':'verified'}", false},
    {"related_count", "{'of':'activity'}", false},
    {"related_count", "{'of':'task','max':0}", true},
    {"open_tasks", "{}", true},
    {"visited_state", "{'state':'open'}", false},
    {"visited_state", "{'state':'open','not':true}", true},
    {"actor_has_role", "{'role':'sales'}", false},
    {"actor_differs", "{'from':'creator'}", true},
    {"time_in_state", "{'max_seconds':5}", false},
    {"time_in_state", "{'min_seconds':0}", false},
    {"related_exists", "{'of':'contact'}", false},
    {"related_exists", "{'of':'contact','max':0}", true},
    {"children_closed", "{'of':'task'}", true},
    {"duplicate_free", "{}", true},
    {"field_changed", "{'field':'industry'}", false},
    {"matches", "{'field':'industry','pattern':'^'}", false},
    {"checklist_complete", "{'items':'papers'}", false},
    {"working_time", "{'calendar':'office'}", false},
    {"in_segment", "{'segment':'regular'}", false},
    {"in_segment", "{'segment':'regular','not':true}", false}, /* nothing is known */
    {"score_at_least", "{'min':0}", true},
    {"score_at_least", "{'min':1}", false},
    {"approval", "{}", false},
    {"steps_done", "{'steps':['a']}", false},
    {"steps_done", "{}", true}, /* nothing is required where there are no steps */
};
static void every_kind_has_cases(void **state)
{
    (void)state;
    for (const struct guard_kind *k = guard_kinds; k->name != NULL; k++) {
        bool passes = false, fails = false;

        for (size_t i = 0; i < COUNT(guard_cases); i++) {
            if (strcmp(guard_cases[i].kind, k->name) != 0)
                continue;
            passes |= guard_cases[i].passed;
            fails |= !guard_cases[i].passed;
        }
        for (size_t i = 0; i < COUNT(absences); i++) {
            if (strcmp(absences[i].kind, k->name) != 0)
                continue;
            passes |= absences[i].passed;
            fails |= !absences[i].passed;
        }
        if (!passes || !fails)
            fail_msg("%s has no case that passes and fails", k->name);
    }
}

static const char *const no_facts[] = {
    "{}", "[]", "null",
    "{'record':[],'related':7,'activities':{},'tasks':'x','visits':[1,null,{}],'actor':[]}"};

static bool holds(const struct blueprint *b, const char *facts_text)
{
    json_t *facts = js(facts_text);
    const struct verdict *root;
    struct arena a;
    bool passed;

    arena_init(&a, 1 << 20);
    root = evaluate(blueprint_transition(b, "move"), facts, &a);
    assert_non_null(root->children[0].observed);
    passed = root->passed;
    arena_done(&a);
    json_decref(facts);
    return passed;
}

/* With no facts at all nothing crashes, and only what forbids something holds. */
static void missing_facts_satisfy_no_demand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(absences); i++) {
        struct blueprint *b = compile_guard(absences[i].kind, absences[i].params);

        for (size_t k = 0; k < COUNT(no_facts); k++)
            if (holds(b, no_facts[k]) != absences[i].passed)
                fail_msg("%s %s with %s", absences[i].kind, absences[i].params, no_facts[k]);
        blueprint_destroy(b);
    }
}

static void a_stranger_is_nobody_else(void **state)
{
    struct blueprint *b = compile_guard("actor_differs", "{'from':'creator'}");
    json_t *facts = js("{'created_by':'anna','actor':{'kind':'system','id':null}}");
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_false(evaluate(blueprint_transition(b, "move"), facts, &a)->passed);
    arena_done(&a);
    json_decref(facts);
    blueprint_destroy(b);
}

static void a_full_arena_gives_no_verdict(void **state)
{
    struct blueprint *b = compile_guard("field_present", "{'field':'company'}");
    json_t *facts = js(FACTS);

    (void)state;
    for (size_t limit = 0; limit < 400; limit += 16) {
        struct arena a;
        const struct verdict *root;

        arena_init(&a, limit);
        root = evaluate(blueprint_transition(b, "move"), facts, &a);
        assert_true(root == NULL || root->passed);
        arena_done(&a);
    }
    json_decref(facts);
    blueprint_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_judges_facts),
        cmocka_unit_test(every_kind_has_cases),
        cmocka_unit_test(missing_facts_satisfy_no_demand),
        cmocka_unit_test(a_stranger_is_nobody_else),
        cmocka_unit_test(a_full_arena_gives_no_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
