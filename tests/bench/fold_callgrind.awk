# `callgrind_annotate` of a run with --separate-callers as folded stacks: "1,234 (0.5%)  file:callee'caller'its caller [object]".

/^ *[0-9,]+ +\([ 0-9.]+%\)  [^ ]+:/ {
    cost = $1
    gsub(/,/, "", cost)
    text = $0
    sub(/^ *[0-9,]+ +\([ 0-9.]+%\)  [^ ]+:/, "", text)
    is_library = text ~ /\[.*\.so[^ ]*\]$/
    sub(/ \[[^]]*\]$/, "", text)
    depth = split(text, name, "'")
    stack = ""
    for (i = depth; i > 0; i--) if (name[i] !~ /^[0-9]+$/) stack = stack (stack == "" ? "" : ";") name[i]
    if (stack != "") print stack (is_library ? "_[l]" : ""), cost
}
