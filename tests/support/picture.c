#include "draw.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEAST_COLUMN = 24,
    LAST_ROOM = 30,
    WIDTH_MAX = COLUMNS_MAX * LEAST_COLUMN + LAST_ROOM,
    LEAST_ARROW = 3,
};

/* One place of the picture: a letter of UTF-8, and how it looks. */
struct cell {
    char letter[5];
    char look; /* of a text, a print, an arrow, a failure, a lifeline */
};

enum { TEXT = 't', PRINT = 'p', ARROW = 'a', FAILURE = 'f', LINE = 'l' };

static const struct signs {
    const char *runs, *waits, *arrow, *left, *right, *more;
} unicode = {"│", "┆", "─", "◀", "▶", "…"},
  plain = {"|", ":", "-", "<", ">", "~"};

static size_t letter_size(const char *text)
{
    size_t size = 1;

    for (text++; size < 4 && ((unsigned char)*text & 0xc0) == 0x80; text++)
        size++;
    return size;
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

/* A label is in the middle of its arrow, or behind it where that is short. */
static void put_label(struct cell *cells, int from, int to, const char *label,
                      const struct signs *signs)
{
    int low = from < to ? from : to, room = abs(to - from) - 7;

    if ((int)strlen(label) > room)
        label = strcmp(label, "reset") ? "eof" : "reset";
    int len = (int)strlen(label);
    int at = len > room ? to + 2 : low + (room + 7 - len) / 2;
    put_text(cells, at, at + len, label, signs, ARROW);
}

static void put_arrow(struct cell *cells, int from, int to, const char *label,
                      const struct signs *signs)
{
    int step = from < to ? 1 : -1;

    for (int i = from < to ? from + 1 : from - 1; i != to; i += step)
        put(&cells[i], signs->arrow, ARROW);
    if (label)
        put_label(cells, from, to, label, signs);
    put(&cells[to - step], step > 0 ? signs->right : signs->left, ARROW);
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
                               : look == PRINT   ? "0;32"
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

/* Writes what ASCII does not have as \x... */
static void escape(const char *text, char *to)
{
    for (; *text; text++)
        to += snprintf(to, 5, (unsigned char)*text > 0x7e ? "\\x%02x" : "%c",
                       (unsigned char)*text);
}

/* Where the picture's lifelines are. */
struct places {
    int width, step;
    const struct signs *signs;
};

static struct places find_places(int count, int width, bool ascii)
{
    struct places places = {.width = width, .signs = ascii ? &plain : &unicode};

    int least = (count - 1) * LEAST_COLUMN + LAST_ROOM;

    if (places.width < least)
        places.width = least;
    if (places.width > WIDTH_MAX)
        places.width = WIDTH_MAX;
    places.step = (places.width - 2) / count;
    if (count > 2 && places.step > (places.width - LAST_ROOM) / (count - 1))
        places.step = (places.width - LAST_ROOM) / (count - 1);
    return places;
}

/* Draws the lifelines, and returns where a text has to end. */
static int put_lines(struct cell *cells, const struct picture *picture,
                     const struct row *row, const struct places *places)
{
    int end = places->width, own = row->line->column;

    for (int i = (int)picture->count - 1; i >= 0; i--) {
        if (row->states[i] == ' ')
            continue;
        int at = 2 + i * places->step;
        put(&cells[at],
            row->states[i] == ':' ? places->signs->waits : places->signs->runs,
            LINE);
        if (i > own)
            end = at - 1;
    }
    if (row->to && row->to->column > own) { /* or leave room for the arrow */
        int to = 2 + row->to->column * places->step;
        end = (end < to ? end : to) - LEAST_ARROW;
    }
    return end;
}

static void put_row(struct cell *cells, const struct picture *picture,
                    const struct row *row, const struct places *places)
{
    int own = 2 + row->line->column * places->step;
    int to = row->to ? 2 + row->to->column * places->step : own;
    char text[4 * ROW_TEXT], times[32];

    snprintf(text, sizeof(text), "%s", row->text);
    if (places->signs == &plain)
        escape(row->text, text);
    clear(cells, places->width);
    int end = put_lines(cells, picture, row, places);
    int at = put_text(cells, own + 2, end, text, places->signs,
                      row->failed    ? FAILURE
                      : row->printed ? PRINT
                                     : TEXT);
    if (to != own)
        put_arrow(cells, to > own ? at : own, to, row->label, places->signs);
    if (row->times > 1) {
        snprintf(times, sizeof(times), ", %ld times", row->times);
        put_text(cells, at, places->width, times, places->signs, FAILURE);
    }
}

void print_picture(const struct picture *picture, int width, bool ascii)
{
    const struct places places = find_places((int)picture->count, width, ascii);
    bool coloured = isatty(STDOUT_FILENO);
    struct cell cells[WIDTH_MAX];

    clear(cells, places.width);
    for (int i = 0; i < (int)picture->count; i++)
        put_text(cells, 1 + i * places.step, (i + 1) * places.step,
                 picture->columns[i]->name, places.signs, TEXT);
    print_cells(cells, places.width, coloured);
    for (size_t i = 0; i < picture->row_count; i++) {
        put_row(cells, picture, &picture->rows[i], &places);
        print_cells(cells, places.width, coloured);
    }
    for (size_t i = 0; i < 2; i++)
        if (picture->notes[i][0])
            puts(picture->notes[i]);
}

/* SVG 1.1: a row is 18 high, a lifeline as far from the next one as its longest
   text needs. */

enum { ROW_HEIGHT = 18, ROOM = 160, TOP = 60, ARROW_ROOM = 60 };
enum { WIDE = 4, PAPER = 794, MARGIN = 40 };

static int places[COLUMNS_MAX + 1]; /* of the lifelines, and of the end */

static int width_of(const char *text)
{
    int letters = 0;

    for (; *text; text += letter_size(text))
        letters++;
    return letters * 29 / 4; /* in a monospaced font of 12 pixels */
}

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

/* A lifeline, in pieces that are solid where it runs, dotted where it waits. */
static void write_lifeline(FILE *out, const struct picture *picture,
                           size_t column)
{
    const struct row *rows = picture->rows;
    size_t from = 0;
    int x = places[column];

    for (size_t i = 1; i <= picture->row_count; i++) {
        char state = rows[from].states[column];
        if (i < picture->row_count && rows[i].states[column] == state)
            continue;
        if (state != ' ')
            fprintf(out,
                    "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
                    "y2=\"%zu\"/>\n",
                    state == ':' ? "waits" : "runs", x, x,
                    TOP + from * ROW_HEIGHT - ROW_HEIGHT / 2,
                    TOP + i * ROW_HEIGHT - ROW_HEIGHT / 2);
        from = i;
    }
}

static void write_row(FILE *out, const struct row *row, size_t y)
{
    int own = places[row->line->column];
    int to = row->to ? places[row->to->column] : own;
    int start = to > own ? own + 14 + width_of(row->text) : own;

    fprintf(out, "<text%s x=\"%d\" y=\"%zu\">",
            row->failed    ? " class=\"failed\""
            : row->printed ? " class=\"prints\""
                           : "",
            own + 10, y + 4);
    write_text(out, row->text);
    if (row->times > 1)
        fprintf(out, ", %ld times", row->times);
    fprintf(out, "</text>\n");
    if (to == own)
        return;
    fprintf(out,
            "<line class=\"arrow\" x1=\"%d\" x2=\"%d\" y1=\"%zu\" "
            "y2=\"%zu\" marker-end=\"url(#head)\"/>\n",
            start, to > own ? to - 2 : to + 2, y, y);
    if (row->label)
        fprintf(out, "<text class=\"label\" x=\"%d\" y=\"%zu\">%s</text>\n",
                (start + to) / 2, y - 3, row->label);
}

static void write_head(FILE *out, const struct picture *picture, int width,
                       size_t height)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%zu\" viewBox=\"0 0 %d %zu\">\n<title>",
            width, height, width, height);
    write_text(out, picture->title);
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
          out);
    /* In print the picture is as wide as the paper. */
    int paper = width + 2 * MARGIN > PAPER ? width + 2 * MARGIN : PAPER;
    fprintf(out, "@page { size: %dpx %dpx; margin: %dpx }\n", paper,
            picture->count >= WIDE ? paper * 210 / 297 : paper * 297 / 210,
            MARGIN);
    fputs("</style>\n"
          "<defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" "
          "refX=\"7\" refY=\"4\" orient=\"auto\">"
          "<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#05a\"/></marker></defs>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
          "<text class=\"name\" x=\"20\" y=\"20\">",
          out);
    write_text(out, picture->title);
    fputs("</text>\n", out);
}

void write_svg(FILE *out, const struct picture *picture)
{
    size_t y = TOP + picture->row_count * ROW_HEIGHT;

    find_svg_places(picture);
    write_head(out, picture, places[picture->count], y + 3 * ROW_HEIGHT);
    for (size_t i = 0; i < picture->count; i++) {
        fprintf(out, "<text class=\"name\" x=\"%d\" y=\"40\">", places[i] - 10);
        write_text(out, picture->columns[i]->name);
        fputs("</text>\n", out);
        write_lifeline(out, picture, i);
    }
    for (size_t i = 0; i < picture->row_count; i++)
        write_row(out, &picture->rows[i], TOP + i * ROW_HEIGHT);
    for (size_t i = 0; i < 2; i++) {
        if (picture->notes[i][0] == '\0')
            continue;
        fprintf(out, "<text x=\"20\" y=\"%zu\">", y + (i + 1) * ROW_HEIGHT);
        write_text(out, picture->notes[i]);
        fputs("</text>\n", out);
    }
    fputs("</svg>\n", out);
}
