/*
 * Draws what programs called: reads a trace that record.c wrote, and prints a
 * sequence diagram, from top to bottom, with a lifeline for each process and
 * thread.
 *
 *     draw [-a] [-m PORT] [-o FILE.svg] [-t TITLE] [-w WIDTH] TRACE
 *
 * -a keeps to ASCII. -w is the width, 80 without it. -o writes the picture as
 * SVG instead. -m masks what changes from run to run: the server's port is
 * PORT, other ports are *, and what happened side by side gets a fixed order.
 */
#include "draw.h"

#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOW_US = 20000 }; /* who took longer has waited */

static struct picture picture = {.title = "What was called"};
static const char *masked_port; /* or NULL */

/* Words: what is written in a row has room for ROW_TEXT. */

static void add(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + len, ROW_TEXT - len, format, arguments);
    va_end(arguments);
}

static const char *mask(const char *port, const char *other)
{
    if (masked_port == NULL)
        return port;
    return strcmp(port, "0") == 0 || strcmp(port, server_port) == 0
               ? masked_port
               : other;
}

static const char *show_address(const char *address)
{
    static char text[ADDRESS + 8];
    const char *colon = strrchr(address, ':');

    if (colon == NULL)
        return address;
    snprintf(text, sizeof(text), "%.*s:%s", (int)(colon - address), address,
             mask(colon + 1, "*"));
    return text;
}

static void add_lookup(char *text, const char *names)
{
    const char *space = strrchr(names, ' '); /* a host's name may have some */
    const char *service = space ? space + 1 : "NULL";
    int host = (int)(space ? space - names : (long)strlen(names));
    bool spaced = memchr(names, ' ', (size_t)host);

    add(text, spaced ? "getaddrinfo('%.*s'" : "getaddrinfo(%.*s", host, names);
    add(text, strcmp(service, "NULL") == 0 ? ")" : ", %s)",
        mask(service, service));
}

static void add_status(char *text, long status)
{
#define NAME(signal) [signal] = #signal
    static const char *const names[] = {
        NAME(SIGABRT), NAME(SIGBUS),  NAME(SIGFPE),  NAME(SIGHUP),
        NAME(SIGILL),  NAME(SIGINT),  NAME(SIGKILL), NAME(SIGPIPE),
        NAME(SIGQUIT), NAME(SIGSEGV), NAME(SIGTERM),
    };
    const long count = sizeof(names) / sizeof(*names);

    if (status >= 0)
        add(text, "ends: exit %ld", status);
    else
        add(text, "killed by %s",
            -status < count && names[-status] ? names[-status] : "a signal");
}

/* What is printed has ports, too. */
static void add_print(char *text, const char *printed)
{
    char port[8];
    int len;

    for (add(text, "prints \""); *printed; printed += len) {
        len = 1;
        if (sscanf(printed, "port %7[0-9]%n", port, &len) == 1)
            add(text, "port %s", mask(port, "*"));
        else
            add(text, "%c", *printed);
    }
    add(text, "\"");
}

/* A call on a descriptor. */
static void add_call(char *text, const struct call *call)
{
    bool listens = call->kind == LISTEN;
    const char *detail = listens && call->len == SOMAXCONN ? "SOMAXCONN"
                         : call->kind == BIND || call->kind == CONNECT
                             ? show_address(call->text)
                             : call->text;

    add(text, "%s(%d", call->name, call->fd);
    if (detail[0])
        add(text, ", %s", detail);
    if (call->kind == SEND || (listens && detail[0] == '\0'))
        add(text, ", %ld", call->len);
    add(text, ")");
}

static void describe_begin(const struct call *call, char *text)
{
    switch (call->kind) {
    case SOCKET:
        add(text, "socket(%s)",
            strcmp(call->text, "IPv4 TCP") ? call->text : "");
        break;
    case STDIN:
        add(text, "%s(stdin)", call->name);
        break;
    case POLL:
        add(text, "%s()", call->name);
        break;
    case THREAD:
    case FORK:
        add(text, "%s", call->name);
        break;
    case LOOKUP:
        add_lookup(text, call->text);
        break;
    case PRINT:
        add_print(text, call->text);
        break;
    case EXIT:
        add_status(text, call->len);
        break;
    case MORE:
        add(text, "(more is not drawn)");
        break;
    default:
        add_call(text, call);
    }
}

/* What came of a call, or nothing where that is plain. */
static void describe_end(const struct call *call, char *text)
{
    bool receives = call->kind == RECEIVE || call->kind == STDIN;

    if (call->result == -1) {
        add(text, " = -1 %s", call->error);
    } else if (call->kind == ACCEPT) {
        add(text, " = %ld from %s", call->result, show_address(call->remote));
    } else if (receives && call->result == 0) {
        add(text, " = 0 end of file");
    } else if (receives) {
        add(text, " = %ld %s%s", call->result, call->got,
            call->part ? " (part)" : "");
    } else if (call->kind == SEND && call->result < call->len) {
        add(text, " = %ld: a short write", call->result);
    } else if (call->kind == SOCKET || call->kind == LOOKUP ||
               call->kind == POLL) {
        add(text, " = %ld", call->result);
    }
}

/* Rows. */

/* What a line does or will do next. */
static struct call *current_call(const struct line *line)
{
    if (line->now == NULL)
        return line->first;
    return line->now->done ? line->now->next : line->now;
}

static char state_of(const struct line *line)
{
    if (!line->started || line->gone)
        return ' ';
    return line->now && !line->now->done ? ':' : '|';
}

/* A program that spins would fill the picture. */
static bool is_repeated(const struct row *before, const struct row *row)
{
    return before->line == row->line && !before->to && !row->to &&
           strcmp(before->text, row->text) == 0;
}

/* An end is worth a row when somebody hears of it, or when it is a failure. */
static bool is_shown(const struct call *call)
{
    if (call->line->column < 0 || call->kind == RETURN)
        return false;
    return call->kind != EXIT || call->to || call->len;
}

/* EAGAIN and EINPROGRESS are for who does not want to wait. */
static bool has_failed(const struct call *call)
{
    if (call->kind == EXIT)
        return call->len != 0;
    return call->result == -1 &&
           (creates(call) || (strcmp(call->error, "EAGAIN") != 0 &&
                              strcmp(call->error, "EINPROGRESS") != 0));
}

static void add_row(const struct call *call, bool begins, bool ends)
{
    struct row *row = &picture.rows[picture.row_count++];
    char text[ROW_TEXT] = "";
    int own = call->line->column;

    *row = (struct row){.line = call->line, .times = 1};
    for (size_t i = 0; i < picture.count; i++)
        row->states[i] = state_of(picture.columns[i]);
    if (row->states[own] == ' ') /* it ends, but is there in its last row */
        row->states[own] = '|';
    if (begins)
        describe_begin(call, text);
    if (ends)
        describe_end(call, text);
    row->text = strdup(text + (text[0] == ' '));
    row->look = call->kind == PRINT        ? PRINTED
                : ends && has_failed(call) ? FAILED
                                           : TEXT;
    if (begins && call->to && call->to->column >= 0) {
        row->to = call->to;
        row->label = call->label;
    }
    if (picture.row_count > 1 && is_repeated(&row[-1], row)) {
        row[-1].times++;
        picture.row_count--;
    }
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
    for (size_t i = 0; i < line_count && call->kind == EXIT; i++)
        if (lines[i].pid == call->line->pid)
            lines[i].gone = true;
}

/* One row for a call that has not waited; else one for its begin, and one for
   its end. What fails is set off. */
static void show(struct call *call, bool begins, bool ends)
{
    bool sets_off = begins && ends && call->result == -1;

    if (begins)
        begin_call(call);
    if (ends)
        call->done = true;
    if (is_shown(call) && sets_off)
        add_row(call, true, false);
    if (is_shown(call))
        add_row(call, begins && !sets_off, ends);
}

/* The order in a picture that is masked. */

/* A call waits when its cause has not come yet. */
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
    struct call *call = current_call(line);

    if (!line->started || !call || (call->begun && !can_end(call)))
        return false;
    show(call, !call->begun, can_end(call));
    return true;
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

static long place_of(const struct call *call)
{
    return call->begun ? call->end : call->begin;
}

/* When all wait, something comes from outside: a new program, a typed line, or
   an end within a call. Returns to whom, in the order in which it came. */
static struct line *step_outside(void)
{
    struct call *first = NULL;

    for (size_t i = 0; i < line_count; i++) {
        struct call *call = current_call(&lines[i]);
        if (!lines[i].started && lines[i].creator)
            continue; /* that one does not come from outside */
        if (call && call->begun && !call->ended)
            call = call->next;
        if (call && (!first || place_of(call) < place_of(first)))
            first = call;
    }
    if (first == NULL)
        return NULL;
    if (first->line->started)
        show(first, !first->begun, first->ended);
    first->line->started = true;
    return first->line;
}

static void put_into_fixed_order(void)
{
    struct line *line;

    while ((line = step_inside()) || (line = step_outside()))
        while (step(line))
            ;
}

/* The order in which it happened. */

/* Others did something meanwhile, or it took long. What it returned can have
   been there already. */
static bool has_waited(const struct call *call)
{
    const struct call *cause = call->cause;

    if (cause && cause->ended && cause->end < call->begin)
        return false;
    if (waits(call))
        return call->end != call->begin + 1;
    return !call->ended || call->took_us > SLOW_US;
}

static void keep_order(void)
{
    for (size_t i = 0; i < noted_count; i++) {
        struct call *call = noted[i];
        if (call && !call->begun)
            show(call, true, !has_waited(call));
        if (call == NULL || !call->ended || call->done || call->end != (long)i)
            continue;
        /* An exit that was noted late comes before what it has caused. */
        if (call->cause && call->cause->kind == EXIT && !call->cause->begun)
            show(call->cause, true, true);
        show(call, false, true);
    }
}

/* Columns. */

/* It has more to show than that it reads stdin and starts others, as a shell
   does. Else its creator's arrow would lead nowhere. */
static bool is_worth(const struct line *line)
{
    for (const struct call *c = line->first; c; c = c->next)
        if (c->kind != STDIN && c->kind != FORK && c->kind < PRINT)
            return true;
    return line->creator && (line->thread || is_worth(line->creator->line));
}

/* Threads and children stand beside who has created them. Returns how many
   have found no room. */
static size_t put_into_column(struct line *line)
{
    size_t left_out = picture.count == COLUMNS_MAX;

    if (!left_out) {
        line->column = (int)picture.count;
        picture.columns[picture.count++] = line;
    }
    for (const struct call *c = line->first; c; c = c->next)
        if (creates(c) && c->to && is_worth(c->to))
            left_out += put_into_column(c->to);
    return left_out;
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
    for (size_t i = 0; i < picture.count; i++) {
        struct line *line = picture.columns[i];
        const struct line old = *line;
        for (int n = 2; !line->thread && is_taken(line->name, i); n++)
            snprintf(line->name, sizeof(line->name), "%.20s%d", old.name, n);
    }
}

/* Servers to the left, and who has called nothing nowhere. */
static void put_into_columns(void)
{
    size_t left_out = 0;

    for (int listening = 1; listening >= 0; listening--)
        for (size_t i = 0; i < line_count; i++) {
            const struct call *creator = lines[i].creator;
            if (lines[i].listens == (listening == 1) && is_worth(&lines[i]) &&
                !(creator && is_worth(creator->line)))
                left_out += put_into_column(&lines[i]);
        }
    if (picture.count == 0)
        errx(1, "nothing was seen");
    if (left_out)
        snprintf(picture.notes[0], sizeof(picture.notes[0]),
                 "(%zu more lifelines are not drawn)", left_out);
    number_names();
}

static void note_unseen(void)
{
    long unseen = 0;

    for (EACH_CALL(c)) {
        if (c->kind == MORE) /* the rest is not seen for that reason */
            return;
        unseen += c->unseen;
    }
    if (unseen)
        snprintf(picture.notes[1], sizeof(picture.notes[1]),
                 "(%ld bytes came from what is not seen: stdio, or a static "
                 "program)",
                 unseen);
}

static void draw(const char *path)
{
    read_trace(path);
    connect_calls();
    put_into_columns();
    picture.rows = calloc(2 * call_count, sizeof(*picture.rows));
    if (picture.rows == NULL)
        err(1, "calloc");
    if (masked_port)
        put_into_fixed_order();
    else
        keep_order();
    note_unseen();
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
    draw(argv[optind]);
    if (svg && freopen(svg, "w", stdout) == NULL)
        err(1, "%s", svg);
    if (svg)
        write_svg(&picture);
    else
        print_picture(&picture, width > 0 ? width : 80, ascii);
    if (fclose(stdout) == EOF)
        err(1, "%s", svg ? svg : "stdout");
    return 0;
}
