# shellcheck shell=bash
# Random secrets, made on first use and kept in RUN_DIR/secrets (only we may read them).

# secret NAME BYTES: a random one in REPLY, made on first use.
secret() {
    local file=$RUN_DIR/secrets/$1
    if [ ! -s "$file" ]; then
        openssl rand -hex "$2" >"$file.new"
        mv "$file.new" "$file"
    fi
    REPLY=$(<"$file")
}

# For people: five groups of five letters and digits, 145 bits.
secret_password() {
    local file=$RUN_DIR/secrets/$1
    if [ ! -s "$file" ]; then
        openssl rand -base64 256 | tr -dc 'A-HJ-NP-Za-km-z2-9' | cut -c1-25 | sed -E 's/(.{5})(.{5})(.{5})(.{5})(.{5})/\1-\2-\3-\4-\5/' >"$file.new"
        mv "$file.new" "$file"
    fi
    REPLY=$(<"$file")
}

# The keys that a service encrypts stored values with: their file in REPLY. Whoever loses it loses the values.
secret_data_keys() {
    local file=$RUN_DIR/secrets/${1//-/_}_data_keys
    if [ ! -s "$file" ]; then
        printf '1:%s\nindex:%s\n' "$(openssl rand -base64 32)" "$(openssl rand -base64 32)" >"$file.new"
        mv "$file.new" "$file"
    fi
    REPLY=$file
}
