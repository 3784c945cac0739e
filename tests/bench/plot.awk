# Two plots (SVG) of lines "name offered per_second p50_us p99_us": replies over requests that arrive, and the latency of most. Set `title`.

function x_at(v) { return LEFT + WIDTH * v / most }
function y_rate(v) { return TOP + HEIGHT - HEIGHT * v / most }
# Ten microseconds at the bottom, ten seconds on top.
function y_latency(v) { return SECOND + HEIGHT - HEIGHT * (log(v < 10 ? 10 : v) - log(10)) / (log(10000000) - log(10)) }

function text(x, y, anchor, what) { printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what }
function rule(x1, y1, x2, y2, colour) { printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour }

function frame(top, what,    i, v) {
    text(LEFT, top - 10, "start", what)
    for (i = 0; i <= 4; i++) {
        v = most * i / 4
        rule(x_at(v), top, x_at(v), top + HEIGHT, "#d8d4c8")
        text(x_at(v), top + HEIGHT + 16, "middle", sprintf("%d", v))
    }
}

function rates(    i, v) {
    frame(TOP, "good replies a second, over requests a second")
    for (i = 0; i <= 4; i++) {
        v = most * i / 4
        rule(LEFT, y_rate(v), LEFT + WIDTH, y_rate(v), "#d8d4c8")
        text(LEFT - 6, y_rate(v) + 4, "end", sprintf("%d", v))
    }
}

function latencies(    i, v) {
    frame(SECOND, "latency, over requests a second: median (dashed) and p99")
    for (v = 10; v <= 10000000; v *= 10) {
        rule(LEFT, y_latency(v), LEFT + WIDTH, y_latency(v), "#d8d4c8")
        text(LEFT - 6, y_latency(v) + 4, "end", v < 1000 ? v " us" : v < 1000000 ? v / 1000 " ms" : v / 1000000 " s")
    }
}

function line(points, colour, dashes) {
    printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"%s\"/>\n", colour, dashes ? " stroke-dasharray=\"5 4\"" : "", points
}

BEGIN {
    LEFT = 70; WIDTH = 560; HEIGHT = 220; TOP = 50; SECOND = 340
    split("#1f6f8b #c8553d #6a8e3a #7b5ea7", colours, " ")
}

{
    if (!($1 in place)) { place[$1] = ++names; name_of[names] = $1 }
    if ($2 > most) most = $2
    count[$1]++
    offered[$1, count[$1]] = $2
    reached[$1, count[$1]] = $3
    p50[$1, count[$1]] = $4
    p99[$1, count[$1]] = $5
}

END {
    if (!names) exit 1
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", LEFT + WIDTH + 130, SECOND + HEIGHT + 40
    printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#fffdf5\"/>\n"
    text(LEFT, 20, "start", title)
    rates()
    latencies()
    for (n = 1; n <= names; n++) {
        name = name_of[n]
        rate_points = p50_points = p99_points = ""
        for (i = 1; i <= count[name]; i++) {
            x = sprintf("%.1f", x_at(offered[name, i]))
            rate_points = rate_points " " x "," sprintf("%.1f", y_rate(reached[name, i]))
            p50_points = p50_points " " x "," sprintf("%.1f", y_latency(p50[name, i]))
            p99_points = p99_points " " x "," sprintf("%.1f", y_latency(p99[name, i]))
        }
        line(rate_points, colours[n])
        line(p50_points, colours[n], 1)
        line(p99_points, colours[n])
        rule(LEFT + WIDTH + 14, TOP + 18 * n, LEFT + WIDTH + 34, TOP + 18 * n, colours[n])
        text(LEFT + WIDTH + 40, TOP + 18 * n + 4, "start", name)
    }
    print "</svg>"
}
