#include "http/refusal.h"

#define REFUSAL_AS_NAME(code, name) [REFUSAL_##code] = (name),
const char *const refusal_names[REFUSAL_COUNT] = { REFUSALS(REFUSAL_AS_NAME) };

enum refusal refusal_of(enum err_code code)
{
    switch (code) {
    case E_NOT_IMPLEMENTED: return REFUSAL_TRANSFER_CODING;
    case E_METHOD_NOT_ALLOWED: return REFUSAL_METHOD;
    case E_HEAD_TOO_LARGE: return REFUSAL_HEAD;
    case E_TARGET_TOO_LONG: return REFUSAL_TARGET;
    case E_BODY_TOO_LARGE: return REFUSAL_BODY;
    default: return REFUSAL_MALFORMED;
    }
}
