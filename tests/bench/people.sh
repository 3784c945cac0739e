# shellcheck shell=bash
# Who asks: users, as the administrator makes them, and their tokens.

PASSWORD='correct horse battery'

# api METHOD URL [BODY]: as the administrator
api() {
    curl -sSf --max-time 30 -X "$1" -H "Authorization: Bearer $(<"$WORK/token")" -H 'Content-Type: application/json' ${3:+-d "$3"} "$2"
}

# user_make NAME ROLE [MEMBERS]: more members of the body, as ',"department_id":"..."'
user_make() {
    api POST "$AUTH_SERVICE_URL/api/v1/users" "{\"username\":\"$1\",\"name\":\"$1\",\"password\":\"$PASSWORD\",\"must_change_password\":false,\"roles\":[\"$2\"]${3:-}}" >/dev/null
}

token_of() {
    curl -sSf --max-time 30 -H 'Content-Type: application/json' -d "{\"username\":\"$1\",\"password\":\"$PASSWORD\"}" \
        "$AUTH_SERVICE_URL/api/v1/auth/login" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'
}
