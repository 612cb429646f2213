/*
 * Draws what programs called: reads a trace that record.c wrote, and prints a
 * sequence diagram, from top to bottom, with a lifeline for each process and
 * thread.
 *
 *     draw [-a] [-m PORT] [-o FILE.svg] [-t TITLE] [-w WIDTH] TRACE
 *
 * -a keeps to ASCII. -w is the width, in place of the terminal's or 80. -o
 * writes the picture as SVG instead. -m masks what changes from run to run: the
 * server's port is PORT, other ports are *, and what happened side by side gets
 * a fixed order.
 */
#include "draw.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOW_US = 20000 }; /* who took longer has waited */

static struct picture picture = {.title = "What was called"};
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

static const char *name_of(long signal_number)
{
    static const struct {
        const char *name;
        long number;
    } signals[] = {
        {"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS},   {"SIGFPE", SIGFPE},
        {"SIGHUP", SIGHUP},   {"SIGILL", SIGILL},   {"SIGINT", SIGINT},
        {"SIGKILL", SIGKILL}, {"SIGPIPE", SIGPIPE}, {"SIGQUIT", SIGQUIT},
        {"SIGSEGV", SIGSEGV}, {"SIGTERM", SIGTERM},
    };

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        if (signals[i].number == signal_number)
            return signals[i].name;
    return "a signal";
}

static void describe_exit(const struct call *call, char *text)
{
    if (call->is_killed)
        snprintf(text, ROW_TEXT, "killed by %s", name_of(call->len));
    else
        snprintf(text, ROW_TEXT, "ends: exit %ld", call->len);
}

/* What is printed has ports, too. */
static void describe_print(const char *printed, char *text)
{
    char port[8];
    int at = snprintf(text, ROW_TEXT, "prints \""), len;

    while (*printed && at < ROW_TEXT - 16) {
        if (masked_port && sscanf(printed, "port %7[0-9]%n", port, &len) == 1) {
            at += snprintf(text + at, 16, "port %s",
                           strcmp(port, server_port) ? "*" : masked_port);
            printed += len;
        } else {
            text[at++] = *printed++;
        }
    }
    snprintf(text + at, 2, "\"");
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
    else if (is(call, "exit "))
        describe_exit(call, text);
    else if (is(call, "prints "))
        describe_print(call->text, text);
    else if (is(call, "more "))
        snprintf(text, size, "(more is not drawn)");
    else if (creates(call))
        snprintf(text, size, "%s", call->name);
    else if (receives(call) && call->text[0])
        snprintf(text, size, "%s(%d, %s)", call->name, fd, call->text);
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

    if (!line->started || line->gone)
        return ' ';
    return last && last->begun && !last->done ? ':' : '|';
}

static struct row *last_row(void)
{
    return &picture.rows[picture.row_count - 1];
}

static struct row *add_row(struct call *call)
{
    picture.rows =
        realloc(picture.rows, (picture.row_count + 1) * sizeof(*picture.rows));
    if (picture.rows == NULL)
        err(1, "realloc");
    picture.row_count++;
    struct row *row = last_row();
    *row = (struct row){.line = call->line, .times = 1};
    for (size_t i = 0; i < picture.count; i++)
        row->states[i] = state_of(picture.columns[i]);
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
    if (creates(call) && call->to)
        call->to->started = true;
    for (size_t i = 0; i < line_count; i++) {
        struct line *line = &lines[i];
        if ((is(call, "exit ") && line->pid == call->line->pid) ||
            (is(call, "return more ") && line == call->line))
            line->gone = true;
    }
}

/* An end is worth a row when somebody hears of it, or when it is a failure. */
static bool is_shown(const struct call *call)
{
    if (call->line->column < 0 || is(call, "return "))
        return false;
    return !is(call, "exit ") || call->to || call->len;
}

/* EAGAIN and EINPROGRESS are for who does not want to wait. */
static bool has_failed(const struct call *call)
{
    if (is(call, "exit "))
        return call->len != 0;
    return call->result == -1 &&
           (creates(call) || (strcmp(call->error, "EAGAIN") != 0 &&
                              strcmp(call->error, "EINPROGRESS") != 0));
}

static void draw_row(struct call *call, bool begins, bool ends)
{
    char text[ROW_TEXT] = "";
    struct row *row = add_row(call);

    row->printed = is(call, "prints ");
    if (begins)
        describe_begin(call, row->text);
    if (ends) {
        describe_end(call, text);
        size_t len = strlen(row->text);
        snprintf(row->text + len, sizeof(row->text) - len, "%s",
                 begins ? text : text + 1);
        row->failed = has_failed(call);
    }
    if (begins && call->to && call->to->column >= 0) {
        row->to = call->to;
        row->label = call->label;
    }
    if (picture.row_count > 1 && is_repeated(&row[-1], row)) {
        row[-1].times++;
        picture.row_count--;
    }
}

/* One row for a call that has not waited; else one for its begin, and one for
   its end. What fails is set off. */
static void show(struct call *call, bool begins, bool ends)
{
    bool drawn = is_shown(call);

    if (begins)
        begin_call(call);
    if (drawn && begins && ends && call->result == -1) {
        draw_row(call, true, false);
        last_row()->states[call->line->column] = '|';
        begins = false;
    }
    if (ends)
        call->done = true;
    if (drawn)
        draw_row(call, begins, ends);
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

/* Returns what a line does next when that comes from outside, or NULL: it is
   started, is told something, or ends within a call. *when is its place. */
static struct call *find_outside(const struct line *line, long *when)
{
    struct call *next =
        line->next < line->count ? line->calls[line->next] : NULL;
    struct call *last = line->next > 0 ? line->calls[line->next - 1] : NULL;

    if (!line->started && line->creator)
        return NULL;
    if (line->started && (last == NULL || last->done))
        return NULL;
    struct call *call = last && last->ended ? last : next;
    if (call)
        *when = call == last ? last->end : next->begin;
    return call;
}

/* What comes from outside, a typed line or a new program, comes when all wait,
   in the order in which it came. Returns whose turn it is then. */
static struct line *step_outside(void)
{
    struct call *first = NULL;
    long least = 0, when;

    for (size_t i = 0; i < line_count; i++) {
        struct call *call = find_outside(&lines[i], &when);
        if (call && (first == NULL || when < least)) {
            first = call;
            least = when;
        }
    }
    if (first == NULL)
        return NULL;
    if (first->line->started)
        show(first, !first->begun, first->ended);
    first->line->started = true;
    return first->line;
}

/* Lets the leftmost do something who can. */
static struct line *step_inside(void)
{
    for (size_t i = 0; i < picture.count; i++)
        if (step(picture.columns[i]))
            return picture.columns[i];
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].column < 0 && step(&lines[i]))
            return &lines[i];
    return NULL;
}

static void put_into_fixed_order(void)
{
    struct line *line;

    while ((line = step_inside()) || (line = step_outside()))
        while (step(line))
            ;
}

/* Others did something meanwhile, or it took long. What it returned can have
   been there already. */
static bool has_waited(const struct call *call)
{
    const struct call *cause = call->cause;

    if (cause && cause->ended && cause->end < call->begin)
        return false;
    if (waits(call))
        return call->end != call->begin + 1;
    return !call->ended || call->end_us - call->begin_us > SLOW_US;
}

/* An exit that was noted late comes before what it has caused. */
static void show_end(struct call *call)
{
    if (call->cause && is(call->cause, "exit ") && !call->cause->begun)
        show(call->cause, true, true);
    show(call, false, true);
}

static void keep_order(void)
{
    struct call *next = calls, *end = calls + call_count;
    long last = 0;

    for (struct call *c = calls; c < end; c++)
        if (c->end > last || c->begin > last)
            last = c->end > c->begin ? c->end : c->begin;
    for (long number = 0; number <= last; number++) {
        for (; next < end && next->begin == number; next++)
            if (!next->begun)
                show(next, true, !has_waited(next));
        for (struct call *c = calls; c < next; c++)
            if (c->ended && !c->done && c->end == number)
                show_end(c);
    }
}

/* It has more to show than that it reads stdin and starts others, as a shell
   does. Else its creator's arrow would lead nowhere. */
static bool is_worth(const struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (!is_stdin(line->calls[i]) &&
            !is(line->calls[i], "exit return more prints fork "))
            return true;
    return line->creator && (line->thread || is_worth(line->creator->line));
}

/* Threads and children stand beside who has created them. */
static void put_into_column(struct line *line)
{
    if (picture.count == COLUMNS_MAX)
        picture.left_out++;
    else {
        line->column = (int)picture.count;
        picture.columns[picture.count++] = line;
    }
    for (size_t i = 0; i < line->count; i++) {
        const struct call *call = line->calls[i];
        if (creates(call) && call->to && is_worth(call->to))
            put_into_column(call->to);
    }
}

/* Servers to the left, and who has called nothing nowhere. */
static void put_into_columns(void)
{
    for (int listening = 1; listening >= 0; listening--)
        for (size_t i = 0; i < line_count; i++) {
            const struct call *creator = lines[i].creator;
            if (lines[i].listens == (listening == 1) && is_worth(&lines[i]) &&
                !(creator && is_worth(creator->line)))
                put_into_column(&lines[i]);
        }
}

static bool is_taken(const char *name, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (strcmp(picture.columns[i]->name, name) == 0)
            return true;
    return false;
}

/* Programs of one name get numbers: client, client2. */
static void number_names(void)
{
    char name[sizeof(picture.columns[0]->name)];

    for (size_t i = 0; i < picture.count; i++) {
        struct line *line = picture.columns[i];
        snprintf(name, sizeof(name), "%s", line->name);
        for (int n = 2; !line->thread && is_taken(line->name, i); n++)
            snprintf(line->name, sizeof(line->name), "%.20s%d", name, n);
    }
}

static void add_notes(void)
{
    long unseen = count_unseen();

    for (const struct call *c = calls; c < calls + call_count; c++)
        if (is(c, "more ")) /* the rest is not seen for that reason */
            unseen = 0;
    if (picture.left_out)
        snprintf(picture.notes[0], sizeof(picture.notes[0]),
                 "(%zu more lifelines are not drawn)", picture.left_out);
    if (unseen)
        snprintf(picture.notes[1], sizeof(picture.notes[1]),
                 "(%ld bytes came from what is not seen: stdio, or a static "
                 "program)",
                 unseen);
}

static int find_width(void)
{
    const char *columns = getenv("COLUMNS");
    int width = columns ? (int)strtol(columns, NULL, 10) : 0;

    if (masked_port || !isatty(STDOUT_FILENO))
        return 80;
#ifdef TIOCGWINSZ
    struct winsize size;
    if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
#endif
    return width > 0 ? width : 80;
}

static void write_file(const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        err(1, "%s", path);
    write_svg(out, &picture);
    if (fclose(out) == EOF)
        err(1, "%s", path);
}

int main(int argc, char **argv)
{
    const char *svg = NULL;
    bool ascii = false;
    int option, width = 0;

    while ((option = getopt(argc, argv, "am:o:t:w:")) != -1) {
        if (option == 'a')
            ascii = true;
        else if (option == 'm')
            masked_port = optarg;
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
        errx(2, "usage: draw [-a] [-m PORT] [-o FILE.svg] [-t TITLE] "
                "[-w WIDTH] TRACE");
    read_trace(argv[optind]);
    connect_calls();
    put_into_columns();
    if (picture.count == 0)
        errx(1, "nothing was seen");
    number_names();
    if (masked_port)
        put_into_fixed_order();
    else
        keep_order();
    add_notes();
    if (svg)
        write_file(svg);
    else
        print_picture(&picture, width > 0 ? width : find_width(), ascii);
    return 0;
}
