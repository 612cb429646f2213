#include "stage.h"

#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_PAUSE_MS = 700, KEY_PAUSE_MS = 45, MIN_WIDTH = 60 };

static bool terminal;
static int pace, column; /* the width of each of the two columns, if open */

void stage_open(int percent)
{
    const char *columns = getenv("COLUMNS");
    int width = columns ? (int)strtol(columns, NULL, 10) : 80;

    terminal = isatty(STDOUT_FILENO);
    pace = terminal ? percent : 0;
    column = ((width < MIN_WIDTH ? MIN_WIDTH : width) - 3) / 2;
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms * pace / 100000,
                         .tv_nsec = ms * pace % 100000 * 10000};

    fflush(stdout);
    if (pace)
        nanosleep(&t, NULL);
}

static void colour(const char *sgr)
{
    if (terminal)
        printf("\033[%sm", sgr);
}

/* How many columns of a terminal the first bytes of UTF-8 text fill. */
static int width_of(const char *text, size_t bytes)
{
    int width = 0;

    for (size_t i = 0; i < bytes; i++)
        width += (text[i] & 0xc0) != 0x80;
    return width;
}

/* Returns how many bytes of the text fit into a column, whole words first. */
static size_t fitting(const char *text)
{
    size_t bytes = 0, space = 0;

    while (text[bytes]) {
        if (width_of(text, bytes + 1) > column)
            return space ? space : bytes;
        if (text[bytes++] == ' ')
            space = bytes;
    }
    return bytes;
}

/* Shows text as the terminal can, a key at a time when it is typed. */
static void show(const char *sgr, const char *text, size_t bytes, bool typed)
{
    colour(sgr);
    for (size_t i = 0; i < bytes; i++) {
        putchar(text[i]);
        if (typed)
            pause_ms(KEY_PAUSE_MS);
    }
    colour("0");
}

static void show_row(bool left, const char *sgr, const char *text, size_t bytes,
                     bool typed)
{
    if (left)
        show(sgr, text, bytes, typed);
    printf("%*s", left ? column - width_of(text, bytes) : column, "");
    show("2", " | ", left ? 2 : 3, false);
    if (!left)
        show(sgr, text, bytes, typed);
    putchar('\n');
}

void stage_title(const char *title)
{
    if (!column)
        return;
    putchar('\n');
    show("1", title, strlen(title), false);
    putchar('\n');
    for (int i = 0; i < 2 * column + 3; i++)
        putchar(i == column + 1 ? '+' : '-');
    putchar('\n');
}

void stage_show(const char *name, int how, const char *text)
{
    bool left = strncmp(name, "server", strlen("server")) == 0;
    bool first = name[strcspn(name, "0123456789")] == '\0';
    const char *sgr = how == TYPES       ? "1;36"
                      : how == STARTS    ? "33"
                      : how == PRINTS    ? "0"
                      : how == COMPLAINS ? "31"
                                         : "2";
    const char *mark = how == TYPES       ? "> "
                       : how == STARTS    ? "$ "
                       : how == COMPLAINS ? "! "
                                          : "";
    const char *who = first || how == STARTS ? "" : name;
    char *row;
    size_t size;
    FILE *to = column ? open_memstream(&row, &size) : NULL;

    if (to == NULL)
        return;
    /* A second client says which one it is. */
    fprintf(to, "%s%s%s%s", who, *who ? ": " : "", mark, text);
    fclose(to);
    const char *rest = row;
    do {
        size_t bytes = fitting(rest);
        show_row(left, sgr, rest, bytes, how == TYPES);
        rest += bytes;
    } while (*rest);
    pause_ms(LINE_PAUSE_MS);
    free(row);
}
