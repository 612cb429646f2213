/* Shows a picture as letters on a grid, or that grid as SVG. */
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEAST = 15,      /* from one lifeline to the next, if there is room */
    NARROWEST = 9,   /* if there is none */
    MARGIN = 2,      /* to the left of the first */
    BESIDE = 2,      /* from a lifeline to its text */
    ARROW_LEAST = 3, /* from a text to the lifeline at the arrow's end */
    WIDTH_MAX = COLUMNS_MAX * (ROW_TEXT + 64),
};

/* In an SVG a cell is CELL pixels wide and ROW high. */
enum { CELL = 8, ROW = 18, PAPER = 800, EDGE = 40 };

/* A row of letters, each of ASCII or one of the signs, and how many it has. */
static struct cell {
    const char *letter;
    enum look look;
} cells[WIDTH_MAX];
static int width;
static bool is_cut; /* some text is not whole */
static bool is_svg;
static int row_number; /* of an SVG */

/* Where each lifeline is, and behind them the picture's right side. */
static int places[COLUMNS_MAX + 1];

static const struct signs {
    const char *runs, *waits, *arrow, *left, *right, *more;
} unicode = {"│", "┆", "─", "◀", "▶", "…"},
  plain = {"|", ":", "-", "<", ">", "~"}, *signs;

/* How much room a row's text and arrow need. Where nobody is beside it, a text
   may go on. */
static int room_of(const struct picture *picture, const struct row *row)
{
    int room = BESIDE + (int)strlen(row->text) + 1, next = row->column + 1;

    if (next < picture->count && row->states[next] == ' ' && row->to == -1)
        return 0;
    if (row->times > 1)
        room += (int)strlen(", 1000x");
    if (row->to > row->column)
        room += ARROW_LEAST + (row->label ? (int)strlen(row->label) + 2 : 0);
    return room;
}

/* Each column is as wide as its texts; if all are too wide, the widest becomes
   narrower. */
static void find_places(const struct picture *picture, int most)
{
    int count = picture->count, rooms[COLUMNS_MAX], widest = 0;
    int least = (most - MARGIN) / count;

    least = least > LEAST ? LEAST : least < NARROWEST ? NARROWEST : least;
    for (int i = 0; i < count; i++)
        rooms[i] = least;
    for (size_t i = 0; i < picture->row_count; i++) {
        const struct row *row = &picture->rows[i];
        int room = room_of(picture, row);
        if (room > rooms[row->column])
            rooms[row->column] = room;
    }
    do {
        places[0] = MARGIN;
        for (int i = 0; i < count; i++) {
            places[i + 1] = places[i] + rooms[i];
            widest = rooms[i] > rooms[widest] ? i : widest;
        }
    } while (places[count] > most && rooms[widest]-- > least);
}

static void put(int at, const char *letter, enum look look)
{
    while (width <= at)
        cells[width++] = (struct cell){" ", BLANK};
    cells[at] = (struct cell){letter, look};
}

/* Writes text from one place to before another one. Where that has no room, its
   middle is left out: a result, or a port, stands behind the last quote, or
   colon, and before the quote how a message ends. Returns where it ends. */
static int put_text(int from, int to, const char *text, enum look look)
{
    int room = to > from ? to - from : 0, len = (int)strlen(text);
    int shown = len < room ? len : room, head = len;

    if (len > room && room > 0) {
        const char *quote = strrchr(text, '"');
        const char *tail = quote ? quote : strrchr(text, ':');
        int kept = tail ? (int)strlen(tail) : 0;
        if (kept > room * 2 / 3 && kept > room - 6)
            kept = 0;
        int more = (room - 1 - kept) / 4;
        if (quote && kept > 0 && !memchr(quote - more, '"', (size_t)more))
            kept += more; /* of the last quoted text alone */
        if (kept > 0 && text[len - kept - 1] == '\\')
            kept--; /* not from inside of \n */
        head = room - 1 - kept;
        is_cut = true;
    }
    for (int i = 0; i < shown; i++) {
        const char *letter = &text[i < head ? i : len - shown + i];
        if (i == head)
            letter = signs->more;
        else if (*letter < ' ' || *letter > '~')
            letter = "?";
        put(from + i, letter, look);
    }
    return from + shown;
}

/* A label is in the middle, if it fits: what it tells stands where the arrow
   ends, too. */
static void put_arrow(int from, int to, const char *label)
{
    int step = from < to ? 1 : -1, len = label ? (int)strlen(label) : 0;
    int middle = (from + to - len) / 2;

    for (int at = from + step; at != to; at += step)
        put(at, signs->arrow, ARROW);
    put(to - step, step > 0 ? signs->right : signs->left, ARROW);
    if (label && abs(to - from) >= len + 5)
        put_text(middle, middle + len, label, LABEL);
}

static void put_row(const struct picture *picture, const struct row *row)
{
    int own = row->column, to = row->to == -1 ? own : row->to;
    int end = places[picture->count];

    for (int i = 0; i < picture->count; i++) {
        bool waits = row->states[i] == ':';
        if (row->states[i] == ' ')
            continue;
        put(places[i], waits ? signs->waits : signs->runs, LIFELINE);
        if (is_svg)
            printf("<path class=\"%s\" d=\"M%d %dv%d\"/>\n",
                   waits ? "waits" : "runs", places[i] * CELL + CELL / 2,
                   row_number * ROW, ROW);
        if (i > own && end == places[picture->count])
            end = places[i] - 1;
    }
    if (to > own)
        end = (places[to] < end ? places[to] : end) - ARROW_LEAST;
    end -= (int)strlen(row->again);
    int at = put_text(places[own] + BESIDE, end, row->text, row->look);
    put_text(at, WIDTH_MAX, row->again, FAILED);
    if (to != own)
        put_arrow(to > own ? at : places[own], places[to], row->label);
}

/* In print the picture is as wide as the paper, and no row is cut in two. */
static void write_head(int columns, int rows, bool landscape)
{
    int paper = columns * CELL + 2 * EDGE;

    paper = paper < PAPER ? PAPER : paper;
    int page = landscape ? paper * 210 / 297 : paper * 297 / 210;
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
           "height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>\n"
           "@page { size: %dpx %dpx; margin: %dpx }\n",
           columns * CELL, rows * ROW, columns * CELL, rows * ROW, paper,
           (page - 2 * EDGE) / ROW * ROW + 2 * EDGE, EDGE);
    puts("text { font: 13px monospace; white-space: pre }\n"
         ".name { font-weight: bold }\n"
         ".failed { fill: #b00; font-weight: bold }\n"
         ".label, .head { fill: #05a }\n"
         "path { stroke: #444; stroke-width: 1.5 }\n"
         ".arrow { stroke: #05a }\n"
         ".waits { stroke-dasharray: 2 4 }\n"
         "</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
}

/* Cells that look the same, up to before `to`. */
static void write_arrow(int from, int to, int y)
{
    bool left = cells[from].letter == signs->left;
    bool right = cells[to - 1].letter == signs->right;
    bool joins = to < width && cells[to].look == LIFELINE;
    int x1 = from * CELL - (left ? CELL / 2 : 0);
    int x2 = to * CELL + (joins ? CELL / 2 : 0);

    printf("<path class=\"arrow\" d=\"M%d %dH%d\"/>\n", x1, y, x2);
    if (left || right)
        printf("<path class=\"arrow head\" d=\"M%d %dl%d -3v6z\"/>\n",
               left ? x1 : x2, y, left ? CELL : -CELL);
}

static void write_text(int from, int to, int y)
{
    static const char *const classes[] = {[TEXT] = "text",
                                          [NAME] = "name",
                                          [FAILED] = "failed",
                                          [LABEL] = "label"};

    printf("<text class=\"%s\" x=\"%d\" y=\"%d\" textLength=\"%d\">",
           classes[cells[from].look], from * CELL, y + CELL / 2,
           (to - from) * CELL);
    for (int i = from; i < to; i++)
        printf(strchr("<&", cells[i].letter[0]) ? "&#%d;" : "%c",
               cells[i].letter[0]);
    puts("</text>");
}

static void print_text(int from, int to, bool colored)
{
    static const char *const colors[] = {
        [TEXT] = "0",     [NAME] = "0;1",   [FAILED] = "0;1;31",
        [LABEL] = "0;36", [ARROW] = "0;36", [LIFELINE] = "0;2",
    };

    if (colored && cells[from].look != BLANK)
        printf("\033[%sm", colors[cells[from].look]);
    for (int i = from; i < to; i++)
        printf("%.*s", cells[i].letter[0] & 0x80 ? 3 : 1, cells[i].letter);
}

/* Prints the cells, those together that look the same. An SVG has its lifelines
   already: there are no such cells where an arrow crosses them. */
static void end_row(void)
{
    int y = row_number++ * ROW + ROW / 2, to;
    bool colored = isatty(STDOUT_FILENO);

    for (int from = 0; from < width; from = to) {
        enum look look = cells[from].look;
        for (to = from; to < width && cells[to].look == look;)
            to++;
        if (!is_svg)
            print_text(from, to, colored);
        else if (look == ARROW)
            write_arrow(from, to, y);
        else if (look != BLANK && look != LIFELINE)
            write_text(from, to, y);
    }
    if (!is_svg)
        puts(colored ? "\033[0m" : "");
    width = 0;
}

void print_picture(const struct picture *picture, int most, bool ascii,
                   bool svg)
{
    is_svg = svg;
    signs = ascii || svg ? &plain : &unicode;
    find_places(picture, svg ? WIDTH_MAX : most);
    if (svg) {
        int columns = places[picture->count];
        put_text(1, WIDTH_MAX, picture->title, NAME);
        write_head(columns > width ? columns : width,
                   (int)picture->row_count + 4, picture->count > 3);
        end_row();
    } else if (picture->title) {
        puts(picture->title);
    }
    for (int i = 0; i < picture->count; i++)
        put_text(places[i] - 1, places[i + 1] - 2, picture->names[i], NAME);
    end_row();
    for (size_t i = 0; i < picture->row_count; i++) {
        put_row(picture, &picture->rows[i]);
        end_row();
    }
    if (svg) {
        row_number++;
        put_text(1, WIDTH_MAX, picture->note ? picture->note : "", TEXT);
        end_row();
        puts("</svg>");
    } else if (picture->note) {
        puts(picture->note);
    }
    if (is_cut && !svg)
        puts("(Some texts are cut: a wider window, or scripts/trace -w 160, "
             "has room.)");
}
