/* Prints a picture, or writes it as SVG. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of each lifeline, and behind them of the picture's right side: columns of the
   terminal, or pixels. */
static int places[COLUMNS_MAX + 1];

static int place_of(const struct line *line)
{
    return places[line->column];
}

/* How many bytes this letter of UTF-8 has: record.c has seen to its being
   whole. */
static int letter_size(const char *text)
{
    int size = 1;

    while (size < 4 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* On a terminal. */

enum {
    LEAST_COLUMN = 24,
    LAST_ROOM = 30,
    WIDTH_MAX = COLUMNS_MAX * LEAST_COLUMN + LAST_ROOM,
    LEAST_ARROW = 3,
};

static struct cell {
    const char *letter;
    enum look look;
} cells[WIDTH_MAX]; /* of one row */

static const struct signs {
    const char *runs, *waits, *arrow, *left, *right, *more;
} unicode = {"│", "┆", "─", "◀", "▶", "…"},
  plain = {"|", ":", "-", "<", ">", "~"}, *signs;

static void put(int at, const char *letter, enum look look)
{
    cells[at] = (struct cell){letter, look};
}

/* Writes text from one place to before another one. Returns where it ends. */
static int put_text(int from, int to, const char *text, enum look look)
{
    int at = from;

    for (; *text && at < to; text += letter_size(text))
        put(at++, text, look);
    if (*text && at > from)
        put(at - 1, signs->more, look);
    return at;
}

/* A label is in the middle of its arrow, or behind it where that is short. */
static void put_label(int from, int to, const char *label)
{
    int low = from < to ? from : to, room = abs(to - from) - 7;

    if ((int)strlen(label) > room)
        label = strcmp(label, "reset") ? "eof" : "reset";
    int len = (int)strlen(label);
    int at = len > room ? to + 2 : low + (room + 7 - len) / 2;
    put_text(at, at + len, label, ARROW);
}

static void put_arrow(int from, int to, const char *label)
{
    int step = from < to ? 1 : -1;

    for (int at = from + step; at != to; at += step)
        put(at, signs->arrow, ARROW);
    if (label)
        put_label(from, to, label);
    put(to - step, step > 0 ? signs->right : signs->left, ARROW);
}

/* Draws the lifelines, and returns where a text has to end. */
static int put_lifelines(const struct picture *picture, const struct row *row)
{
    int end = places[picture->count], own = row->line->column;

    for (int i = (int)picture->count - 1; i >= 0; i--) {
        if (row->states[i] == ' ')
            continue;
        put(places[i], row->states[i] == ':' ? signs->waits : signs->runs,
            LIFELINE);
        if (i > own)
            end = places[i] - 1;
    }
    if (row->to && row->to->column > own) { /* or leave room for the arrow */
        int to = place_of(row->to);
        end = (end < to ? end : to) - LEAST_ARROW;
    }
    return end;
}

/* Returns the text, with \x... for what ASCII does not have. */
static const char *escape(const char *text)
{
    static char escaped[4 * ROW_TEXT];
    char *to = escaped;

    for (; *text; text++)
        to += snprintf(to, 5, (unsigned char)*text > 0x7e ? "\\x%02x" : "%c",
                       (unsigned char)*text);
    *to = '\0';
    return escaped;
}

static void put_row(const struct picture *picture, const struct row *row)
{
    static char times[32];
    int own = place_of(row->line), end = put_lifelines(picture, row);
    int to = row->to ? place_of(row->to) : own;

    int at =
        put_text(own + 2, end, signs == &plain ? escape(row->text) : row->text,
                 row->look);
    if (to != own)
        put_arrow(to > own ? at : own, to, row->label);
    snprintf(times, sizeof(times), ", %ld times", row->times);
    if (row->times > 1)
        put_text(at, places[picture->count], times, FAILED);
}

/* Prints the cells, and clears them. */
static void print_cells(int width)
{
    static const char *const colors[] = {"0", "0;32", "0;1;31", "0;36", "0;2"};
    bool colored = isatty(STDOUT_FILENO);
    enum look look = TEXT;
    int end = width;

    while (end > 0 && cells[end - 1].letter[0] == ' ')
        end--;
    for (int i = 0; i < end; i++) {
        if (colored && cells[i].look != look)
            printf("\033[%sm", colors[cells[i].look]);
        look = cells[i].look;
        printf("%.*s", letter_size(cells[i].letter), cells[i].letter);
    }
    puts(colored ? "\033[0m" : "");
    for (int i = 0; i < width; i++)
        put(i, " ", TEXT);
}

static int find_places(int count, int width)
{
    int least = (count - 1) * LEAST_COLUMN + LAST_ROOM;

    if (width < least)
        width = least;
    if (width > WIDTH_MAX)
        width = WIDTH_MAX;
    int step = (width - 2) / count;
    if (count > 2 && step > (width - LAST_ROOM) / (count - 1))
        step = (width - LAST_ROOM) / (count - 1);
    for (int i = 0; i < count; i++)
        places[i] = 2 + i * step;
    places[count] = width;
    return step;
}

void print_picture(const struct picture *picture, int width, bool ascii)
{
    int step = find_places((int)picture->count, width);

    signs = ascii ? &plain : &unicode;
    width = places[picture->count];
    for (int i = 0; i < width; i++)
        put(i, " ", TEXT);
    for (size_t i = 0; i < picture->count; i++)
        put_text(places[i] - 1, places[i] + step - 2, picture->columns[i]->name,
                 TEXT);
    print_cells(width);
    for (size_t i = 0; i < picture->row_count; i++) {
        put_row(picture, &picture->rows[i]);
        print_cells(width);
    }
    for (size_t i = 0; i < 2; i++)
        if (picture->notes[i][0])
            puts(picture->notes[i]);
}

/* SVG 1.1: a row is 18 high, a lifeline as far from the next one as its longest
   text needs. */

enum { ROW_HEIGHT = 18, ROOM = 160, TOP = 60, ARROW_ROOM = 60 };
enum { WIDE = 4, PAPER = 794, MARGIN = 40 };

static int width_of(const char *text)
{
    int letters = 0;

    for (; *text; text += letter_size(text))
        letters++;
    return letters * 29 / 4; /* in a monospaced font of 12 pixels */
}

static void find_svg_places(const struct picture *picture)
{
    int rooms[COLUMNS_MAX] = {0};

    for (size_t i = 0; i < picture->row_count; i++) {
        const struct row *row = &picture->rows[i];
        int room = width_of(row->text) + (row->times > 1 ? 3 : 1) * ARROW_ROOM;
        if (rooms[row->line->column] < room)
            rooms[row->line->column] = room;
    }
    places[0] = 30;
    for (size_t i = 0; i < picture->count; i++)
        places[i + 1] = places[i] + (rooms[i] < ROOM ? ROOM : rooms[i]);
}

static void write_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", stdout);
        else if (*text == '>')
            fputs("&gt;", stdout);
        else if (*text == '&')
            fputs("&amp;", stdout);
        else
            putchar(*text);
    }
}

static void write_line_of_text(const char *class, int x, size_t y,
                               const char *text, long times)
{
    fputs("<text", stdout);
    if (class[0])
        printf(" class=\"%s\"", class);
    printf(" x=\"%d\" y=\"%zu\">", x, y);
    write_text(text);
    if (times > 1)
        printf(", %ld times", times);
    fputs("</text>\n", stdout);
}

/* A lifeline, in pieces that are solid where it runs, dotted where it waits. */
static void write_lifeline(const struct picture *picture, size_t column)
{
    const struct row *rows = picture->rows;
    size_t from = 0;
    int x = places[column];

    for (size_t i = 1; i <= picture->row_count; i++) {
        char state = rows[from].states[column];
        if (i < picture->row_count && rows[i].states[column] == state)
            continue;
        if (state != ' ')
            printf("<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
                   "y2=\"%zu\"/>\n",
                   state == ':' ? "waits" : "runs", x, x,
                   TOP + from * ROW_HEIGHT - ROW_HEIGHT / 2,
                   TOP + i * ROW_HEIGHT - ROW_HEIGHT / 2);
        from = i;
    }
}

static void write_row(const struct row *row, size_t y)
{
    static const char *const classes[] = {"", "prints", "failed"};
    int own = place_of(row->line);
    int to = row->to ? place_of(row->to) : own;
    int start = to > own ? own + 14 + width_of(row->text) : own;

    write_line_of_text(classes[row->look], own + 10, y + 4, row->text,
                       row->times);
    if (to == own)
        return;
    printf("<line class=\"arrow\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
           "y2=\"%zu\" marker-end=\"url(#head)\"/>\n",
           start, to > own ? to - 2 : to + 2, y, y);
    if (row->label)
        write_line_of_text("label", (start + to) / 2, y - 3, row->label, 1);
}

static void write_head(const struct picture *picture, int width, size_t height)
{
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
           "height=\"%zu\" viewBox=\"0 0 %d %zu\">\n<title>",
           width, height, width, height);
    write_text(picture->title);
    fputs("</title>\n"
          "<style>\n"
          "text { font: 12px monospace; white-space: pre }\n"
          ".name { font-weight: bold; font-size: 14px }\n"
          ".failed { fill: #b00; font-weight: bold }\n"
          ".prints { fill: #060 }\n"
          ".label { fill: #05a; font-size: 10px; text-anchor: middle; "
          "paint-order: stroke; stroke: #fff; stroke-width: 3 }\n"
          "line { stroke: #444; stroke-width: 1.5 }\n"
          ".waits { stroke-dasharray: 2 4 }\n"
          ".arrow { stroke: #05a }\n",
          stdout);
    /* In print the picture is as wide as the paper. */
    int paper = width + 2 * MARGIN > PAPER ? width + 2 * MARGIN : PAPER;
    printf("@page { size: %dpx %dpx; margin: %dpx }\n", paper,
           picture->count >= WIDE ? paper * 210 / 297 : paper * 297 / 210,
           MARGIN);
    fputs("</style>\n"
          "<defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" "
          "refX=\"7\" refY=\"4\" orient=\"auto\">"
          "<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#05a\"/></marker></defs>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
          stdout);
    write_line_of_text("name", 20, 20, picture->title, 1);
}

void write_svg(const struct picture *picture)
{
    size_t y = TOP + picture->row_count * ROW_HEIGHT;

    find_svg_places(picture);
    write_head(picture, places[picture->count], y + 3 * ROW_HEIGHT);
    for (size_t i = 0; i < picture->count; i++) {
        write_line_of_text("name", places[i] - 10, 40,
                           picture->columns[i]->name, 1);
        write_lifeline(picture, i);
    }
    for (size_t i = 0; i < picture->row_count; i++)
        write_row(&picture->rows[i], TOP + i * ROW_HEIGHT);
    for (size_t i = 0; i < 2; i++)
        if (picture->notes[i][0])
            write_line_of_text("", 20, y + (i + 1) * ROW_HEIGHT,
                               picture->notes[i], 1);
    fputs("</svg>\n", stdout);
}
