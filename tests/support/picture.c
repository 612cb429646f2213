#include "draw.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH_MAX = 400, LEAST_COLUMN = 15, LEAST_ARROW = 3, LAST_ROOM = 30 };

/* One place of the picture: a letter of UTF-8, and how it looks. */
struct cell {
    char letter[5];
    char look; /* of a text, an arrow, a failure, a lifeline */
};

enum { TEXT = 't', ARROW = 'a', FAILURE = 'f', LINE = 'l' };

static const struct signs {
    const char *runs, *waits, *arrow, *left, *right, *more;
} unicode = {"│", "┆", "─", "◀", "▶", "…"},
  plain = {"|", ":", "-", "<", ">", "~"};

static size_t letter_size(const char *text)
{
    unsigned char c = (unsigned char)*text;

    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static void put(struct cell *cell, const char *letter, char look)
{
    size_t size = letter_size(letter);

    memcpy(cell->letter, letter, size);
    cell->letter[size] = '\0';
    cell->look = look;
}

/* Writes text from one place to before another one. Returns where it ends. */
static int put_text(struct cell *cells, int from, int to, const char *text,
                    const struct signs *signs, char look)
{
    int at = from;

    for (; *text && at < to; text += letter_size(text))
        put(&cells[at++], text, look);
    if (*text && at > from)
        put(&cells[at - 1], signs->more, look);
    return at;
}

static void put_arrow(struct cell *cells, int from, int to, const char *label,
                      const struct signs *signs)
{
    int low = from < to ? from : to, high = from < to ? to : from;
    int len = label ? (int)strlen(label) : 0;

    for (int i = low + 1; i < high; i++)
        put(&cells[i], signs->arrow, ARROW);
    if (len && high - low - 1 >= len + 6)
        put_text(cells, (low + high - len) / 2, high, label, signs, ARROW);
    put(&cells[from < to ? to - 1 : to + 1],
        from < to ? signs->right : signs->left, ARROW);
}

static void print_cells(const struct cell *cells, int width, bool coloured)
{
    int end = width;
    char look = TEXT;

    while (end > 0 && cells[end - 1].letter[0] == ' ')
        end--;
    for (int i = 0; i < end; i++) {
        if (coloured && cells[i].look != look) {
            look = cells[i].look;
            printf("\033[%sm", look == ARROW     ? "0;36"
                               : look == FAILURE ? "0;1;31"
                               : look == LINE    ? "0;2"
                                                 : "0");
        }
        fputs(cells[i].letter, stdout);
    }
    puts(coloured ? "\033[0m" : "");
}

static void clear(struct cell *cells, int width)
{
    for (int i = 0; i < width; i++)
        put(&cells[i], " ", TEXT);
}

void print_picture(struct line *const *columns, size_t count,
                   const struct row *rows, size_t row_count, int width,
                   bool ascii)
{
    const struct signs *signs = ascii ? &plain : &unicode;
    bool coloured = isatty(STDOUT_FILENO);
    struct cell cells[WIDTH_MAX];

    if (count * LEAST_COLUMN > (size_t)width)
        width = (int)count * LEAST_COLUMN;
    if (width > WIDTH_MAX)
        width = WIDTH_MAX;
    int step = (width - 2) / (int)count;
    if (count > 2 && step > (width - LAST_ROOM) / ((int)count - 1))
        step = (width - LAST_ROOM) / ((int)count - 1);

    clear(cells, width);
    for (size_t i = 0; i < count; i++)
        put_text(cells, 1 + (int)i * step, (int)(i + 1) * step,
                 columns[i]->name, signs, TEXT);
    print_cells(cells, width, coloured);
    for (const struct row *row = rows; row < rows + row_count; row++) {
        int own = 2 + row->line->column * step;
        int to = row->to ? 2 + row->to->column * step : own;
        int end = width;
        clear(cells, width);
        for (size_t i = count; i-- > 0;) {
            int at = 2 + (int)i * step;
            if (row->states[i] == ' ')
                continue;
            put(&cells[at], row->states[i] == ':' ? signs->waits : signs->runs,
                LINE);
            if (at > own) /* the text ends before the next lifeline */
                end = at - 1;
        }
        if (to > own) /* or leaves room for the arrow */
            end = (end < to ? end : to) - LEAST_ARROW;
        int at = put_text(cells, own + 2, end, row->text, signs,
                          row->failed ? FAILURE : TEXT);
        if (to != own)
            put_arrow(cells, to > own ? at : own, to, row->label, signs);
        if (row->times > 1) {
            char times[32];
            snprintf(times, sizeof(times), ", %ld times", row->times);
            put_text(cells, at, width, times, signs, FAILURE);
        }
        print_cells(cells, width, coloured);
    }
}

/* SVG 1.1: a row is 18 high, a lifeline's room 330 wide. */

enum { ROW_HEIGHT = 18, ROOM = 330, TOP = 60, LETTER = 7 };

static void write_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            putc(*text, out);
    }
}

static int x_of(const struct line *line)
{
    return 30 + line->column * ROOM;
}

/* A lifeline, in pieces that are solid where it runs, dotted where it waits. */
static void write_lifeline(FILE *out, const struct line *line,
                           const struct row *rows, size_t row_count)
{
    size_t from = 0;

    for (size_t i = 1; i <= row_count; i++) {
        char state = rows[from].states[line->column];
        if (i < row_count && rows[i].states[line->column] == state)
            continue;
        if (state != ' ')
            fprintf(out,
                    "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
                    "y2=\"%zu\"/>\n",
                    state == ':' ? "waits" : "runs", x_of(line), x_of(line),
                    TOP + from * ROW_HEIGHT - ROW_HEIGHT / 2,
                    TOP + i * ROW_HEIGHT - ROW_HEIGHT / 2);
        from = i;
    }
}

static void write_row(FILE *out, const struct row *row, size_t y)
{
    int own = x_of(row->line), to = row->to ? x_of(row->to) : own;
    int room = (ROOM - 50) / LETTER;
    int start = own;

    fprintf(out, "<text%s x=\"%d\" y=\"%zu\">",
            row->failed ? " class=\"failed\"" : "", own + 10, y + 4);
    char text[ROW_TEXT + sizeof("...")];
    if (to > own)
        room -= 8; /* for the arrow */
    snprintf(text, sizeof(text), "%.*s%s", room, row->text,
             (int)strlen(row->text) > room ? "..." : "");
    write_text(out, text);
    if (row->times > 1)
        fprintf(out, ", %ld times", row->times);
    fprintf(out, "</text>\n");
    if (to == own)
        return;
    if (to > own)
        start = own + 14 + LETTER * (int)strlen(text);
    fprintf(out,
            "<line class=\"arrow\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
            "y2=\"%zu\" marker-end=\"url(#head)\"/>\n",
            start, to > own ? to - 2 : to + 2, y, y);
    if (row->label)
        fprintf(out, "<text class=\"label\" x=\"%d\" y=\"%zu\">%s</text>\n",
                (start + to) / 2, y - 3, row->label);
}

void write_svg(FILE *out, const char *title, struct line *const *columns,
               size_t count, const struct row *rows, size_t row_count)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu "
            "%zu\">\n<title>",
            count * ROOM + 30, TOP + row_count * ROW_HEIGHT + 10);
    write_text(out, title);
    fputs("</title>\n"
          "<style>\n"
          "text { font: 12px monospace; white-space: pre }\n"
          ".name { font-weight: bold; font-size: 14px }\n"
          ".failed { fill: #b00; font-weight: bold }\n"
          ".label { fill: #05a; font-size: 10px; text-anchor: middle }\n"
          "line { stroke: #444; stroke-width: 1.5 }\n"
          ".waits { stroke-dasharray: 2 4 }\n"
          ".arrow { stroke: #05a }\n"
          "</style>\n"
          "<defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" "
          "refX=\"7\" refY=\"4\" orient=\"auto\">"
          "<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#05a\"/></marker></defs>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
          out);
    fprintf(out, "<text class=\"name\" x=\"20\" y=\"20\">");
    write_text(out, title);
    fputs("</text>\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<text class=\"name\" x=\"%d\" y=\"40\">",
                x_of(columns[i]) - 10);
        write_text(out, columns[i]->name);
        fputs("</text>\n", out);
        write_lifeline(out, columns[i], rows, row_count);
    }
    for (size_t i = 0; i < row_count; i++)
        write_row(out, &rows[i], TOP + i * ROW_HEIGHT);
    fputs("</svg>\n", out);
}
