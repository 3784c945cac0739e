/* err: every way in which a request can fail, as one table.
 *
 * The table owns HTTP status, stable slug and both messages (docs/errors.md and /api/v1/errors are made from it).
 * Libraries fill a `struct problem`; only http/reply turns one into bytes. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/arena.h"

#define ERRORS(X)                                                                                                 \
    X(OK, 200, "OK", "成功", "success")                                                                           \
    X(BAD_REQUEST, 400, "BAD_REQUEST", "请求格式不正确", "The request is malformed")                              \
    X(BAD_JSON, 400, "BAD_JSON", "请求体不是合法的 JSON", "The body is not valid JSON")                           \
    X(INVALID_FIELD, 400, "INVALID_FIELD", "请求参数不合法", "One or more fields are invalid")                    \
    X(UNAUTHENTICATED, 401, "UNAUTHENTICATED", "未登录或登录已失效", "A valid access token is required")          \
    X(BAD_CREDENTIALS, 401, "BAD_CREDENTIALS", "用户名或密码错误", "Unknown user name or wrong password")         \
    X(FORBIDDEN, 403, "FORBIDDEN", "没有权限执行此操作", "You do not have the permission for this")               \
    X(NOT_FOUND, 404, "NOT_FOUND", "资源不存在", "No such resource")                                              \
    X(METHOD_NOT_ALLOWED, 405, "METHOD_NOT_ALLOWED", "不支持的请求方法", "This method is not allowed here")       \
    X(NOT_ACCEPTABLE, 406, "NOT_ACCEPTABLE", "不支持的响应格式", "No acceptable representation")                  \
    X(REQUEST_TIMEOUT, 408, "REQUEST_TIMEOUT", "请求接收超时", "The request took too long to arrive")             \
    X(DUPLICATE, 409, "DUPLICATE", "数据已存在", "A live record with this value exists")                          \
    X(STATE_CONFLICT, 409, "STATE_CONFLICT", "当前状态不允许此操作", "The record's state forbids this")           \
    X(IN_PROGRESS, 409, "IN_PROGRESS", "相同的请求正在处理中", "A request with this Idempotency-Key is running")  \
    X(VERSION_CONFLICT, 412, "VERSION_CONFLICT", "数据已被他人修改", "The record has changed since you read it")  \
    X(BODY_TOO_LARGE, 413, "BODY_TOO_LARGE", "请求体过大", "The body is too large")                               \
    X(TARGET_TOO_LONG, 414, "TARGET_TOO_LONG", "请求地址过长", "The request target is too long")                  \
    X(UNSUPPORTED_MEDIA, 415, "UNSUPPORTED_MEDIA", "请求体类型应为 application/json",                             \
      "The body must be application/json")                                                                        \
    X(RULE_VIOLATED, 422, "RULE_VIOLATED", "违反业务规则", "A business rule is violated")                         \
    X(CREDIT_EXCEEDED, 422, "CREDIT_EXCEEDED", "超出客户的信用额度", "The customer's credit limit is exceeded")                  \
    X(BAD_REFERENCE, 422, "BAD_REFERENCE", "引用的数据不存在", "A referenced record does not exist")              \
    X(KEY_REUSED, 422, "IDEMPOTENCY_KEY_REUSED", "幂等键已用于其他请求",                                          \
      "This Idempotency-Key was used for another request")                                                        \
    X(PRECONDITION_REQUIRED, 428, "PRECONDITION_REQUIRED", "必须提供 If-Match", "If-Match is required")           \
    X(TOO_MANY_REQUESTS, 429, "TOO_MANY_REQUESTS", "请求过于频繁", "Too many requests")                           \
    X(HEAD_TOO_LARGE, 431, "HEAD_TOO_LARGE", "请求头过大", "The request head is too large")                       \
    X(INTERNAL, 500, "INTERNAL", "服务器内部错误", "Something went wrong on our side")                            \
    X(NOT_IMPLEMENTED, 501, "NOT_IMPLEMENTED", "不支持的传输编码", "Unknown transfer coding")                     \
    X(BAD_GATEWAY, 502, "BAD_GATEWAY", "上游服务响应异常", "The service gave no usable answer")                   \
    X(OVERLOADED, 503, "OVERLOADED", "系统繁忙，请稍后重试", "Too busy, try again shortly")                       \
    X(DATABASE_DOWN, 503, "DATABASE_UNAVAILABLE", "数据库暂不可用", "The database is unavailable")                \
    X(SERVICE_DOWN, 503, "SERVICE_UNAVAILABLE", "服务暂不可用", "The service is unavailable")                     \
    X(GATEWAY_TIMEOUT, 504, "GATEWAY_TIMEOUT", "服务响应超时", "The service did not answer in time")              \
    X(DATABASE_TIMEOUT, 504, "DATABASE_TIMEOUT", "数据库响应超时", "The database did not answer in time")

#define ERR_AS_ENUM(code, http, slug, zh, en) E_##code,
enum err_code { ERRORS(ERR_AS_ENUM) E_COUNT };

struct err_row {
    int http;
    const char *slug, *zh, *en;
};
extern const struct err_row err_table[E_COUNT];

/* One bad field. `allowed` and `existing_id` are absent where they say nothing. */
struct detail {
    struct str field, reason, allowed, existing_id;
    struct detail *next;
};

/* What went wrong, with every bad field. {0} is "nothing". */
struct problem {
    enum err_code code;
    struct detail *details, *last;
    struct str current;    /* JSON of the current record, for VERSION_CONFLICT */
    int retry_after_s;     /* 0: no Retry-After */
};

/* Sets the code if none is set yet (the first cause wins). */
void problem_set(struct problem *p, enum err_code code);

/* Adds a bad field; field and reason must outlive `p`. Returns the detail for further facts. */
struct detail *problem_add(struct problem *p, struct arena *a, enum err_code code, struct str field, struct str reason);

#endif
