# `perf script -F comm,ip,sym,dso` as folded stacks: see flame.awk. A library that has no symbols is one frame by its own name; what is
# nowhere, as behind a function without a frame pointer, is left out.

function end_of_stack(    stack, i) {
    if (!frames) return
    stack = comm
    for (i = frames; i > 0; i--) if (frame[i] != frame[i + 1]) stack = stack ";" frame[i]
    count[stack]++
    delete frame
    frames = 0
}

/^[^ \t]/ { end_of_stack(); comm = $1; next }
NF < 3 { end_of_stack(); next }
{
    object = $NF
    sub(/^\(/, "", object)
    sub(/\)$/, "", object)
    name = $2
    if (name == "[unknown]") {
        if (object == "[unknown]") next
        sub(/.*\//, "", object)
        name = object
    }
    gsub(/;/, ":", name)
    frame[++frames] = name (object ~ /kernel|\.ko/ ? "_[k]" : object ~ /\.so/ ? "_[l]" : "")
}
END {
    end_of_stack()
    for (stack in count) print stack, count[stack]
}
