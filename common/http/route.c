#include "http/route.h"

const struct str method_names[METHOD_COUNT] = {
    [METHOD_GET] = { "GET", 3 },       [METHOD_HEAD] = { "HEAD", 4 },     [METHOD_POST] = { "POST", 4 },
    [METHOD_PUT] = { "PUT", 3 },       [METHOD_PATCH] = { "PATCH", 5 },   [METHOD_DELETE] = { "DELETE", 6 },
    [METHOD_OPTIONS] = { "OPTIONS", 7 },
};
