# A flame graph (SVG) of folded stacks: lines of "caller;callee;... count", sorted, so that what has the same callers is together. Widths are
# shares of all, the root is at the bottom. Set `title` with -v.

function escaped(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/>/, "\\&gt;", s)
    return s
}

# Frames of the kernel end in _[k], those of libraries in _[l].
function colour(frame) { return frame ~ /_\[k\]$/ ? "#e8a15c" : frame ~ /_\[l\]$/ ? "#c9c66b" : "#e0705d" }

function draw(n,    width, name, room, y) {
    width = WIDTH * total[path_of[n]] / all
    if (width < 0.5) return
    name = frame_of[n]
    sub(/_\[[kl]\]$/, "", name)
    room = int(width / 6.6)
    y = height - (depth_of[n] + 1) * LINE
    printf "<g><title>%s, %.2f %%</title>", escaped(name), 100 * total[path_of[n]] / all
    printf "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\" stroke=\"#fffdf5\"/>",
        WIDTH * start_of[n] / all, y, width, LINE - 1, colour(frame_of[n])
    if (room >= 4)
        printf "<text x=\"%.2f\" y=\"%d\">%s</text>", WIDTH * start_of[n] / all + 3, y + 12,
            escaped(length(name) > room ? substr(name, 1, room - 2) ".." : name)
    print "</g>"
}

BEGIN { WIDTH = 1200; LINE = 17 }

{
    count = $NF
    sub(/ [0-9]+$/, "")
    frames = split($0, frame, ";")
    path = ""
    for (i = 1; i <= frames; i++) {
        path = path ";" frame[i]
        if (!(path in total)) {
            path_of[++boxes] = path
            frame_of[boxes] = frame[i]
            depth_of[boxes] = i - 1
            start_of[boxes] = all + 0
        }
        total[path] += count
    }
    if (frames > deepest) deepest = frames
    all += count
}

END {
    if (!all) exit 1
    height = (deepest + 2) * LINE
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"monospace\" font-size=\"11\">\n", WIDTH, height
    printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#fffdf5\"/>\n<text x=\"4\" y=\"13\">%s</text>\n", escaped(title)
    for (n = 1; n <= boxes; n++) draw(n)
    print "</svg>"
}
