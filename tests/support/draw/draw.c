/*
 * Draws a trace: who calls what, who waits, and what arrives.
 *
 *     build/support/draw [-a] [-m] [-o FILE.svg] [-t TITLE] [-w N] TRACE
 *
 * -a draws with ASCII only; -w N fits it into N columns in place of 80. With
 * -m what may happen in any order is drawn in one.
 */
#include "picture.h"
#include "trace.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SLOW_US = 20000, /* who took longer has waited */
    WIDEST = 10000
};

static struct picture picture;
static bool masked; /* what changes from run to run */
static struct lifeline *leftmost, **tail = &leftmost;

/* Rows. */

/* A program that spins would fill the picture: up to three rows that come
   again, such as poll, accept and its failure, are only counted. */
static void fold(void)
{
    for (size_t n = 1; n <= 3 && 2 * n <= picture.row_count; n++) {
        struct row *again = &picture.rows[picture.row_count - n];
        struct row *before = again - n;
        size_t same = 0;
        for (size_t i = 0; i < n; i++)
            same += before[i].column == again[i].column && before[i].to == -1 &&
                    again[i].to == -1 &&
                    strcmp(before[i].text, again[i].text) == 0 &&
                    again[i].times == 1 && (i == n - 1 || before[i].times == 1);
        if (same == n) {
            before += n - 1;
            snprintf(before->again, sizeof(before->again), ", %ldx",
                     ++before->times);
            picture.row_count -= n;
            return;
        }
    }
}

/* Without a text it shows who waits, or not. */
static struct row *new_row(int column)
{
    size_t count = ++picture.row_count;

    picture.rows = realloc(picture.rows, count * sizeof(*picture.rows));
    if (picture.rows == NULL)
        err(1, "realloc");
    struct row *row = &picture.rows[count - 1];
    *row = (struct row){.column = column, .look = TEXT, .to = -1, .times = 1};
    for (struct lifeline *line = leftmost; line; line = line->right) {
        const struct call *exit = line->process->exit;
        bool gone = line->gone || (exit && exit->begun);
        if (line->column >= 0)
            row->states[line->column] = gone ? ' ' : line->state;
    }
    return row;
}

/* EAGAIN and EINPROGRESS are mostly for who does not want to wait. */
static bool has_failed(const struct call *call)
{
    if (call->kind == EXIT)
        return call->len != 0;
    return call->result == -1 &&
           (call->kind == CREATE || (!strstr(call->outcome, "EAGAIN") &&
                                     !strstr(call->outcome, "EINPROGRESS")));
}

static void add_row(const struct call *call, bool begins, bool ends)
{
    struct row *row = new_row(call->line->column);
    const char *outcome = ends ? call->outcome : "";

    row->states[row->column] = call->line->state;
    if (ends && has_failed(call))
        row->look = FAILED;
    snprintf(row->text, ROW_TEXT, "%s%s%s%s%s", begins ? call->words : "",
             begins && outcome[0] ? " " : "", outcome[0] ? "= " : "", outcome,
             ends && call->part ? " (part)" : "");
    if (row->text[0] == '\0')
        snprintf(row->text, ROW_TEXT, "= %ld", call->result);
    struct lifeline *to = begins ? call->to : NULL;
    while (to && to->state == ' ' && to->creator) /* it takes it over later */
        to = to->creator->line;
    if (to && to->column >= 0) {
        row->to = to->column;
        row->label = call->label;
    }
    fold();
}

/* An exit is worth a row when somebody hears of it, or when it is a failure.
   How the tests' own peer waits and ends is no news, nor what begins where the
   trace ends. */
static bool is_shown(const struct call *call)
{
    bool cut = !call->ended && call->next && call->next->kind == MORE;
    bool peers = strncmp(call->line->name, "peer", strlen("peer")) == 0;

    if (call->line->column < 0 || call->kind == RETURN || cut)
        return false;
    if (call->kind == EXIT)
        return call->to || (call->len && !peers);
    return !peers || call->kind != POLL;
}

/* One row for a call that has not waited; else one for its begin, and one for
   its end. What fails is set off. */
static void show(struct call *call, bool begins, bool ends)
{
    struct lifeline *line = call->line;
    bool sets_off = begins && ends && call->result == -1;

    call->begun = true;
    line->state = ends ? '|' : ':';
    if (ends || !call->ended)
        line->first = call->next;
    if (call->kind == CREATE && call->to && call->to->state == ' ')
        call->to->state = '|';
    if (call->kind == RETURN || call->kind == MORE)
        line->gone = true;
    if (!is_shown(call))
        return;
    if (sets_off)
        add_row(call, true, false);
    add_row(call, begins && !sets_off, ends);
}

/* The order: that in which it happened. Where that is masked, one goes on until
   it has to wait for another one, then the leftmost who need not; and when all
   wait, something comes from outside: a new program, or a typed line. */

/* It took long, or others did something meanwhile; but what it returned may
   have been there already. */
static bool has_waited(const struct call *call)
{
    const struct call *cause = call->cause;

    if (cause && cause->ended && cause->until < call->from)
        return false;
    if (!call->ended || call->took_us > SLOW_US || (cause && !cause->begun))
        return true;
    return waits(call) && call->until != call->from + 2;
}

/* Nothing has to come before it any more. */
static bool can_end(const struct call *call)
{
    if (call->cause)
        return call->ended && call->cause->begun;
    return call->ended && (!waits(call) || call->result == -1);
}

/* What a line does or will do next. */
static struct call *next_call(const struct lifeline *line)
{
    return line->creator && line->state == ' ' ? NULL : line->first;
}

/* A process ends after its other threads, but for who is killed. */
static bool goes_on(const struct call *call)
{
    const struct lifeline *own = call->line;

    if (call->begun)
        return can_end(call);
    if (own->state != '|' || call->late)
        return false;
    for (struct lifeline *line = lifelines; line; line = line->next)
        if (call->kind == EXIT && line != own &&
            line->process == own->process && next_call(line))
            return false;
    return true;
}

static long place_of(const struct call *call)
{
    return call->begun ? call->until : call->from;
}

/* `before` came last. */
static struct call *choose_next(const struct call *before)
{
    struct call *first = next_call(before->line);

    if (first && masked && goes_on(first))
        return first;
    for (struct lifeline *line = leftmost; line; line = line->right) {
        struct call *call = next_call(line);
        if (call && masked && goes_on(call))
            return call;
        if (call && (!first || place_of(call) < place_of(first)))
            first = call;
    }
    return first;
}

static void put_into_rows(void)
{
    for (struct call *call = calls; (call = choose_next(call));)
        show(call, !call->begun,
             call->begun || (masked ? can_end(call) : !has_waited(call)));
    const struct row *last = new_row(0);
    if (!memchr(last->states, ':', (size_t)picture.count))
        picture.row_count--; /* nobody waits any more */
}

/* Columns. */

/* Puts those who have one root side by side, drawn or not. */
static void add_columns(const struct lifeline *root)
{
    for (struct lifeline *line = lifelines; line; line = line->next) {
        if (line->root != root)
            continue;
        *tail = line;
        tail = &line->right;
        if (line->is_drawn && picture.count == COLUMNS_MAX) {
            picture.note = "(there are more lifelines)";
        } else if (line->is_drawn) {
            line->column = picture.count;
            picture.names[picture.count++] = line->name;
        }
    }
}

/* Servers to the left, and each beside those whom it has created. */
static void put_into_columns(void)
{
    for (int clients = 0; clients < 2; clients++)
        for (struct lifeline *line = lifelines; line; line = line->next)
            if (line->listens != clients)
                add_columns(line);
    if (picture.count == 0 || !calls)
        errx(1, "nothing was seen");
}

int main(int argc, char **argv)
{
    const char *svg = NULL;
    bool ascii = false;
    long width = 80;
    int option;

    while ((option = getopt(argc, argv, "amo:t:w:")) != -1) {
        if (option == 'a')
            ascii = true;
        else if (option == 'm')
            masked = true;
        else if (option == 'o')
            svg = optarg;
        else if (option == 't')
            picture.title = optarg;
        else if (option == 'w')
            width = strtol(optarg, NULL, 10);
        else
            return 2;
    }
    if (width < 1 || width > WIDEST)
        errx(2, "a picture has 1 to %d columns", WIDEST);
    if (optind + 1 != argc)
        errx(2, "usage: draw [-a] [-m] [-o FILE.svg] [-t TITLE] [-w N] "
                "TRACE");
    read_trace(argv[optind]);
    put_into_columns();
    put_into_rows();
    if (unseen && !picture.note)
        picture.note = "(not all is seen: stdio's own reads and writes, or a "
                       "static program)";
    if (svg && !picture.title)
        picture.title = argv[optind];
    if (svg && freopen(svg, "w", stdout) == NULL)
        err(1, "%s", svg);
    print_picture(&picture, (int)width, ascii, svg != NULL);
    if (fclose(stdout) == EOF)
        err(1, "%s", svg ? svg : "stdout");
    return 0;
}
