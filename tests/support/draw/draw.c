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

enum { SLOW_US = 20000 }; /* who took longer has waited */

static struct picture picture;
static bool masked; /* what changes from run to run */
static struct lifeline *in_order[LIFELINES_MAX]; /* from left to right */
static struct lifeline *columns[COLUMNS_MAX];    /* those of them drawn */

/* Rows. */

static char state_of(const struct lifeline *line)
{
    if (!line->started || line->gone)
        return ' ';
    return line->now && !line->now->done ? ':' : '|';
}

/* EAGAIN and EINPROGRESS are mostly for who does not want to wait. */
static bool has_failed(const struct call *call)
{
    if (call->kind == EXIT)
        return call->len != 0;
    return call->result == -1 &&
           (creates(call) || (!strstr(call->outcome, "EAGAIN") &&
                              !strstr(call->outcome, "EINPROGRESS")));
}

static bool is_same(const struct row *row, const struct row *other)
{
    return row->column == other->column && row->to == -1 && other->to == -1 &&
           strcmp(row->text, other->text) == 0;
}

/* A program that spins would fill the picture: up to three rows that come
   again, such as poll, accept and its failure, are only counted. */
static void fold(void)
{
    for (size_t n = 1; n <= 3 && 2 * n <= picture.row_count; n++) {
        struct row *again = &picture.rows[picture.row_count - n];
        struct row *before = again - n;
        size_t i = 0;
        while (i < n && is_same(&before[i], &again[i]) &&
               (i == n - 1 || before[i].times == 1))
            i++;
        if (i == n) {
            before[n - 1].times++;
            picture.row_count -= n;
            return;
        }
    }
}

/* Without a text it shows who waits, or not. */
static struct row *new_row(int column)
{
    struct row *row = &picture.rows[picture.row_count++];

    *row = (struct row){.column = column, .look = TEXT, .to = -1, .times = 1};
    for (int i = 0; i < picture.count; i++)
        row->states[i] = state_of(columns[i]);
    return row;
}

static void add_row(const struct call *call, bool begins, bool ends)
{
    struct row *row = new_row(call->line->column);
    bool says = ends && call->outcome[0];

    row->states[call->line->column] = call->done ? '|' : ':';
    snprintf(row->text, sizeof(row->text), "%s%s%s%s%s",
             begins ? call->words : "", begins && says ? " " : "",
             says ? "= " : "", says ? call->outcome : "",
             ends && call->part ? " (part)" : "");
    if (row->text[0] == '\0')
        snprintf(row->text, sizeof(row->text), "= %ld", call->result);
    row->look = ends && has_failed(call) ? FAILED : TEXT;
    struct lifeline *to = begins ? call->to : NULL;
    while (to && !to->started && to->creator) /* it takes it over later */
        to = to->creator->line;
    if (to && to->column >= 0) {
        row->to = to->column;
        row->label = call->label;
    }
    fold();
}

static void begin_call(struct call *call)
{
    call->begun = true;
    call->line->started = true;
    call->line->now = call;
    if (creates(call) && call->to)
        call->to->started = true;
    if (call->kind == RETURN || call->kind == MORE)
        call->line->gone = true;
    for (size_t i = 0; i < lifeline_count && call->kind == EXIT; i++)
        if (lifelines[i].pid == call->line->pid)
            lifelines[i].gone = true;
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
    bool sets_off = begins && ends && call->result == -1;

    if (begins)
        begin_call(call);
    call->done = ends;
    if (is_shown(call) && sets_off)
        add_row(call, true, false);
    if (is_shown(call))
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
    if (!call->ended)
        return false;
    if (call->cause)
        return call->cause->begun;
    return !waits(call) || call->result == -1;
}

/* What a line does or will do next. */
static struct call *next_call(const struct lifeline *line)
{
    struct call *call = line->now;

    if (call == NULL)
        return line->creator && !line->started ? NULL : line->first;
    return call->done || !call->ended ? call->next : call;
}

static long place_of(const struct call *call)
{
    return call->begun ? call->until : call->from;
}

/* A process ends after its other threads, but for who is killed. */
static bool is_last(const struct call *exit)
{
    for (size_t i = 0; i < lifeline_count; i++)
        if (lifelines[i].pid == exit->line->pid &&
            &lifelines[i] != exit->line && next_call(&lifelines[i]))
            return false;
    return !exit->late;
}

static bool goes_on(const struct call *call)
{
    const struct lifeline *line = call->line;

    if (call->begun)
        return can_end(call);
    return line->started && (!line->now || line->now->done) &&
           (call->kind != EXIT || is_last(call));
}

/* `before` came last. */
static struct call *choose_next(const struct call *before)
{
    struct call *first = NULL;

    for (size_t i = 0; i <= lifeline_count; i++) {
        const struct lifeline *line = i ? in_order[i - 1] : before->line;
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
    picture.rows = calloc(2 * call_count + 1, sizeof(*picture.rows));
    if (picture.rows == NULL)
        err(1, "calloc");
    for (struct call *call = calls; (call = choose_next(call));)
        show(call, !call->begun,
             call->begun || (masked ? can_end(call) : !has_waited(call)));
    const struct row *last = new_row(0);
    if (!memchr(last->states, ':', (size_t)picture.count))
        picture.row_count--; /* nobody waits any more */
}

/* Columns. */

/* It has more to show than that it reads stdin and starts others, as a shell
   does. */
static bool is_drawn(const struct lifeline *line)
{
    for (const struct call *c = line->first; c; c = c->next)
        if (c->kind != STDIN && c->kind != FORK && c->kind < RETURN)
            return true;
    return line->thread != 0;
}

/* Who has created the one who has created it, and so on. */
static const struct lifeline *root_of(const struct lifeline *line)
{
    while (line->creator)
        line = line->creator->line;
    return line;
}

/* Servers to the left, and each beside those whom it has created. */
static void put_into_columns(void)
{
    size_t n = 0;

    for (size_t i = 0; i < 2 * lifeline_count; i++) {
        const struct lifeline *root = &lifelines[i % lifeline_count];
        if (root->creator || root->listens != (i < lifeline_count))
            continue;
        for (struct lifeline *line = lifelines;
             line < lifelines + lifeline_count; line++)
            if (root_of(line) == root)
                in_order[n++] = line;
    }
    for (size_t i = 0; i < lifeline_count; i++)
        if (is_drawn(in_order[i]) && picture.count < COLUMNS_MAX) {
            in_order[i]->column = picture.count;
            picture.names[picture.count] = in_order[i]->name;
            columns[picture.count++] = in_order[i];
        }
    if (picture.count == 0 || call_count == 0)
        errx(1, "nothing was seen");
}

int main(int argc, char **argv)
{
    const char *svg = NULL;
    bool ascii = false;
    int option, width = 80;

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
            width = (int)strtol(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind + 1 != argc)
        errx(2, "usage: draw [-a] [-m] [-o FILE.svg] [-t TITLE] [-w N] "
                "TRACE");
    read_trace(argv[optind]);
    put_into_columns();
    put_into_rows();
    if (unseen)
        picture.note = "(some bytes came from what is not seen: stdio, or a "
                       "static program)";
    if (picture.count == COLUMNS_MAX)
        picture.note = "(there are more lifelines)";
    if (svg && !picture.title)
        picture.title = argv[optind];
    if (svg && freopen(svg, "w", stdout) == NULL)
        err(1, "%s", svg);
    if (svg)
        print_svg(&picture);
    else
        print_picture(&picture, width, ascii);
    if (fclose(stdout) == EOF)
        err(1, "%s", svg ? svg : "stdout");
    return 0;
}
