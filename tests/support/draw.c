/*
 * Draws what programs called: reads a trace that record.c wrote, and prints a
 * sequence diagram, from top to bottom, with a lifeline for each process and
 * thread.
 *
 *     draw [-a] [-m PORT] [-o FILE.svg] [-t TITLE] TRACE
 *
 * -a keeps to ASCII. -o writes the picture as SVG instead. -m masks what
 * changes from run to run: the server's port is PORT, other ports are *, and
 * what happened side by side gets a fixed order.
 */
#include "draw.h"

#include <sys/socket.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOW_US = 20000 }; /* who took longer has waited */

static struct row *rows;
static size_t row_count;
static const char *masked_port; /* or NULL */

/* Words. */

static const char *show_address(const char *address)
{
    static char text[ADDRESS];
    const char *colon = strrchr(address, ':');

    snprintf(text, sizeof(text), "%s", address);
    if (masked_port && colon)
        snprintf(text, sizeof(text), "%.*s%s", (int)(colon + 1 - address),
                 address,
                 strcmp(colon, ":0") == 0 || strcmp(colon + 1, server_port) == 0
                     ? masked_port
                     : "*");
    return text;
}

static void describe_lookup(const struct call *call, char *text)
{
    char host[ADDRESS] = "", service[ADDRESS] = "";

    sscanf(call->text, "%63s %63s", host, service);
    if (strcmp(service, "NULL") == 0)
        snprintf(text, ROW_TEXT, "getaddrinfo(%s)", host);
    else if (masked_port &&
             (strcmp(service, "0") == 0 || strcmp(service, server_port) == 0))
        snprintf(text, ROW_TEXT, "getaddrinfo(%s, %s)", host, masked_port);
    else
        snprintf(text, ROW_TEXT, "getaddrinfo(%s, %s)", host, service);
}

static void describe_begin(const struct call *call, char *text)
{
    size_t size = ROW_TEXT;
    int fd = call->fd;
    char number[24];

    snprintf(number, sizeof(number), "%ld", call->len);

    if (is(call, "socket "))
        snprintf(text, size, "socket(%s)",
                 strcmp(call->text, "IPv4 TCP") == 0 ? "" : call->text);
    else if (is(call, "bind connect "))
        snprintf(text, size, "%s(%d, %s)", call->name, fd,
                 show_address(call->text));
    else if (is(call, "listen "))
        snprintf(text, size, "listen(%d, %s)", fd,
                 call->len == SOMAXCONN ? "SOMAXCONN" : number);
    else if (sends(call))
        snprintf(text, size, "%s(%d, %s, %ld)", call->name, fd, call->text,
                 call->len);
    else if (is(call, "shutdown "))
        snprintf(text, size, "shutdown(%d, %s)", fd, call->text);
    else if (is_stdin(call) && receives(call))
        snprintf(text, size, "%s(stdin)", call->name);
    else if (polls(call))
        snprintf(text, size, "%s()", call->name);
    else if (is(call, "getaddrinfo "))
        describe_lookup(call, text);
    else if (is(call, "pthread_create exit "))
        snprintf(text, size, "%s", call->name);
    else
        snprintf(text, size, "%s(%d)", call->name, fd);
}

/* What came of a call, or nothing where that is plain. */
static void describe_end(const struct call *call, char *text)
{
    size_t size = ROW_TEXT;

    text[0] = '\0';
    if (call->result == -1)
        snprintf(text, size, " = -1 %s", call->error);
    else if (is(call, "accept accept4 "))
        snprintf(text, size, " = %ld from %s", call->result,
                 show_address(call->remote));
    else if (receives(call) && call->result == 0)
        snprintf(text, size, " = 0 end of file");
    else if (receives(call))
        snprintf(text, size, " = %ld %s%s", call->result, call->got,
                 call->part ? " (part)" : "");
    else if (sends(call) && call->result < call->len)
        snprintf(text, size, " = %ld: a short write", call->result);
    else if (is(call, "socket getaddrinfo ") || polls(call))
        snprintf(text, size, " = %ld", call->result);
}

/* Rows, in order. */

static char state_of(const struct line *line)
{
    const struct call *last =
        line->next > 0 ? line->calls[line->next - 1] : NULL;

    if (!line->started || (last && is(last, "exit ") && last->done))
        return ' ';
    if (line->thread && line->next == line->count && last && last->done)
        return ' '; /* a thread's last call: it has returned */
    return last && last->begun && !last->done ? ':' : '|';
}

static struct row *add_row(struct call *call)
{
    rows = realloc(rows, (row_count + 1) * sizeof(*rows));
    if (rows == NULL)
        err(1, "realloc");
    struct row *row = &rows[row_count++];
    *row = (struct row){.line = call->line, .times = 1};
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].column >= 0)
            row->states[lines[i].column] = state_of(&lines[i]);
    /* What has just ended is still there in its last row. */
    if (row->states[call->line->column] == ' ')
        row->states[call->line->column] = '|';
    return row;
}

/* A program that spins would fill the picture. */
static bool is_repeated(const struct row *before, const struct row *row)
{
    return before->line == row->line && !before->to && !row->to &&
           strcmp(before->text, row->text) == 0;
}

static void begin_call(struct call *call)
{
    call->begun = true;
    call->line->started = true;
    call->line->next++;
}

/* What a program hears that does not want to wait. */
static bool is_no_failure(const char *error)
{
    return strcmp(error, "EAGAIN") == 0 || strcmp(error, "EINPROGRESS") == 0;
}

/* One row for a call that has not waited; else one for its begin, and one for
   its end. */
static void show(struct call *call, bool begins, bool ends)
{
    char text[ROW_TEXT] = "";

    if (begins && ends && call->result == -1 &&
        call->line->column >= 0) { /* set off what fails */
        show(call, true, false);
        rows[row_count - 1].states[call->line->column] = '|';
        show(call, false, true);
        return;
    }
    if (begins)
        begin_call(call);
    if (ends)
        call->done = true;
    if (call->line->column < 0 || (is(call, "exit ") && call->to == NULL))
        return;
    struct row *row = add_row(call);
    if (begins)
        describe_begin(call, row->text);
    if (ends) {
        describe_end(call, text);
        size_t len = strlen(row->text);
        snprintf(row->text + len, sizeof(row->text) - len, "%s",
                 begins ? text : text + 1);
        row->failed = call->result == -1 && !is_no_failure(call->error);
    }
    if (begins) {
        row->to = call->to;
        row->label = call->label;
    }
    if (row_count > 1 && is_repeated(&row[-1], row)) {
        row[-1].times++;
        row_count--;
    }
}

/* In a run that is masked a call waits when its cause has not come yet. */
static bool can_end(const struct call *call)
{
    if (!call->ended)
        return false;
    if (call->cause)
        return call->cause->begun;
    return !waits(call) || call->result == -1;
}

/* Does one thing that nothing has to come before. Who has begun goes on. */
static bool step(struct line *line)
{
    struct call *last = line->next > 0 ? line->calls[line->next - 1] : NULL;

    if (line->creator && line->creator->begun)
        line->started = true;
    if (last && !last->done) {
        if (!can_end(last))
            return false;
        show(last, false, true);
        return true;
    }
    if (!line->started || line->next == line->count)
        return false;
    struct call *call = line->calls[line->next];
    show(call, true, can_end(call));
    return true;
}

/* What comes from outside, a typed line or a new program, comes when all wait,
   in the order in which it came. Returns whose turn it is then. */
static struct line *step_outside(void)
{
    struct line *first = NULL;
    long number = 0;

    for (size_t i = 0; i < line_count; i++) {
        struct line *line = &lines[i];
        struct call *last =
            line->started && line->next ? line->calls[line->next - 1] : NULL;
        bool starts = !line->started && line->count > 0 && !line->thread;
        if (!starts && (last == NULL || last->done || !last->ended))
            continue;
        long when = starts ? line->calls[0]->begin : last->end;
        if (first == NULL || when < number) {
            first = line;
            number = when;
        }
    }
    if (first && first->started)
        show(first->calls[first->next - 1], false, true);
    if (first)
        first->started = true;
    return first;
}

static void put_into_fixed_order(struct line *const *columns, size_t count)
{
    struct line *current = step_outside();

    while (current) {
        while (step(current))
            ;
        size_t i = 0;
        while (i < count && !step(columns[i]))
            i++;
        current = i < count ? columns[i] : step_outside();
    }
}

/* Others did something meanwhile, or it took long. */
static bool has_waited(const struct call *call)
{
    if (waits(call))
        return call->end != call->begin + 1;
    return !call->ended || call->end_us - call->begin_us > SLOW_US;
}

static void keep_order(void)
{
    struct call *next = calls;
    long last = 0;

    for (size_t i = 0; i < call_count; i++)
        if (calls[i].end > last || calls[i].begin > last)
            last =
                calls[i].end > calls[i].begin ? calls[i].end : calls[i].begin;
    for (long number = 0; number <= last; number++) {
        for (; next < calls + call_count && next->begin == number; next++)
            show(next, true, !has_waited(next));
        for (struct call *c = calls; c < next; c++)
            if (c->ended && !c->done && c->end == number)
                show(c, false, true);
    }
}

/* It has more to show than that it reads stdin, as a shell does. */
static bool is_worth(const struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (!is_stdin(line->calls[i]) && !is(line->calls[i], "exit "))
            return true;
    return false;
}

/* Servers to the left, threads beside the process that they are of, and who
   has called nothing nowhere. */
static size_t put_into_columns(struct line **columns)
{
    size_t count = 0;

    for (int listening = 1; listening >= 0; listening--)
        for (size_t i = 0; i < line_count; i++) {
            bool serves = lines[i].listens == (listening == 1);
            for (size_t k = 0; k < line_count && !lines[i].thread && serves;
                 k++)
                if (lines[k].pid == lines[i].pid && is_worth(&lines[k])) {
                    if (count == COLUMNS_MAX)
                        errx(1, "more than %d lifelines", COLUMNS_MAX);
                    lines[k].column = (int)count;
                    columns[count++] = &lines[k];
                }
        }
    return count;
}

int main(int argc, char **argv)
{
    const char *svg = NULL, *title = "What was called";
    struct line *columns[COLUMNS_MAX];
    bool ascii = false;
    int option, width = 80;

    while ((option = getopt(argc, argv, "am:o:t:")) != -1) {
        if (option == 'a')
            ascii = true;
        else if (option == 'm')
            masked_port = optarg;
        else if (option == 'o')
            svg = optarg;
        else if (option == 't')
            title = optarg;
        else
            return 2;
    }
    if (optind + 1 != argc)
        errx(2, "usage: draw [-a] [-m PORT] [-o FILE.svg] [-t TITLE] TRACE");
    read_trace(argv[optind]);
    if (call_count == 0)
        errx(1, "nothing was seen");
    connect_calls();
    size_t count = put_into_columns(columns);
    if (masked_port)
        put_into_fixed_order(columns, count);
    else
        keep_order();

    if (svg) {
        FILE *out = fopen(svg, "w");
        if (out == NULL)
            err(1, "%s", svg);
        write_svg(out, title, columns, count, rows, row_count);
        if (fclose(out) == EOF)
            err(1, "%s", svg);
    } else {
        print_picture(columns, count, rows, row_count, width, ascii);
    }
    return 0;
}
