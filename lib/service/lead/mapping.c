/* mapping - which fields of a lead become which fields of what it is converted to. */
#include "asks.gen.h"
#include "service/record/record.h"

static const struct record mapping = {
    .entity = "conversion_mapping",
    .may_read = PERMISSION_CONVERSION_READ,
    .may_write = PERMISSION_ADMIN_CONVERSION,
    .may_delete = PERMISSION_ADMIN_CONVERSION,
    .get = &query_conversion_mapping_get,
    .create = &query_conversion_mapping_create,
    .update = &query_conversion_mapping_update,
    .erase = &query_conversion_mapping_delete,
    .list = &list_conversion_mapping_list,
};

const struct operation conversion_mapping_list = {record_list_steps, &mapping};
const struct operation conversion_mapping_get = {record_get_steps, &mapping};
const struct operation conversion_mapping_create = {record_create_steps, &mapping};
const struct operation conversion_mapping_update = {record_update_steps, &mapping};
const struct operation conversion_mapping_delete = {record_delete_steps, &mapping};
