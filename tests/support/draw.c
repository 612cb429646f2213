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

static struct call *calls;
static size_t call_count;
static struct line lines[LINES_MAX];
static size_t line_count;
static struct row *rows;
static size_t row_count;
static const char *masked_port; /* or NULL */
static char server_port[8];     /* of the first that listens */

static bool is(const struct call *call, const char *names)
{
    const char *found = strstr(names, call->name);

    return found && found[strlen(call->name)] == ' ' &&
           (found == names || found[-1] == ' ');
}

static bool receives(const struct call *call)
{
    return is(call, "recv recvfrom recvmsg read readv ");
}

static bool sends(const struct call *call)
{
    return is(call, "send sendto sendmsg write writev ");
}

static bool polls(const struct call *call)
{
    return is(call, "poll select epoll_wait ");
}

static bool waits(const struct call *call)
{
    return receives(call) || polls(call) || is(call, "accept accept4 ");
}

static bool is_stdin(const struct call *call)
{
    return call->fd == 0 && call->local[0] == '-';
}

/* Reading the trace. */

static struct line *line_of(long pid, long thread)
{
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].pid == pid && lines[i].thread == thread)
            return &lines[i];
    if (line_count == LINES_MAX)
        errx(1, "more than %d processes and threads", LINES_MAX);
    struct line *line = &lines[line_count++];
    *line =
        (struct line){.pid = pid, .thread = thread, .start = -1, .column = -1};
    snprintf(line->name, sizeof(line->name), thread ? "thread %ld" : "child",
             thread);
    return line;
}

static struct call *add_call(struct line *line, long number, long long us)
{
    calls = realloc(calls, (call_count + 1) * sizeof(*calls));
    if (calls == NULL)
        err(1, "realloc");
    calls[call_count] = (struct call){.line = line,
                                      .begin = number,
                                      .begin_us = us,
                                      .local = "-",
                                      .remote = "-",
                                      .text = "",
                                      .got = "",
                                      .error = "-"};
    return &calls[call_count++];
}

/* The last call of a line that has not returned. */
static struct call *open_call(const struct line *line)
{
    for (size_t i = call_count; i-- > 0;)
        if (calls[i].line == line)
            return calls[i].ended ? NULL : &calls[i];
    return NULL;
}

static void read_end(struct call *call, long number, long long us,
                     const char *rest)
{
    char local[ADDRESS], remote[ADDRESS];
    int at = 0;

    if (call == NULL || sscanf(rest, "%ld %23s %63s %63s %n", &call->result,
                               call->error, local, remote, &at) < 4)
        return;
    call->ended = true;
    call->end = number;
    call->end_us = us;
    call->got = strdup(rest + at);
    if (local[0] != '-')
        memcpy(call->local, local, sizeof(local));
    if (remote[0] != '-')
        memcpy(call->remote, remote, sizeof(remote));
}

/* The tests' own: how it waits is no news. */
static bool is_peer(const struct line *line)
{
    return strncmp(line->name, "peer", strlen("peer")) == 0;
}

static void read_line(const char *text, long number)
{
    long long us;
    long pid, thread;
    int at = 0;

    if (sscanf(text, "%lld %ld %ld %n", &us, &pid, &thread, &at) < 3)
        errx(1, "not a trace: %s", text);
    text += at;
    struct line *line = line_of(pid, thread);
    if (sscanf(text, "start %31s", line->name) == 1) {
        line->start = number;
    } else if (strncmp(text, "exit", 4) == 0) {
        struct call *call = add_call(line_of(pid, 0), number, us);
        snprintf(call->name, sizeof(call->name), "exit");
        read_end(call, number, us, "0 - - - ");
    } else if (text[0] == '(' && !(is_peer(line) && strstr(text, "( poll"))) {
        struct call *call = add_call(line, number, us);
        at = 0;
        if (sscanf(text, "( %19s %d %63s %63s %ld %n", call->name, &call->fd,
                   call->local, call->remote, &call->len, &at) == 5)
            call->text = strdup(text + at);
    } else if (text[0] == ')') {
        read_end(open_call(line), number, us, text + 2);
    } else if (sscanf(text, "thread %ld", &thread) == 1) {
        line->start = number;
    }
}

static void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    ssize_t n;

    if (file == NULL)
        err(1, "open %s", path);
    for (long number = 0; (n = getline(&text, &size, file)) > 0; number++) {
        text[n - 1] = '\0';
        read_line(text, number);
    }
    free(text);
    fclose(file);
}

/* What follows from what. */

/* A connection that is gone has no other end any more: look it up. */
static void complete_ends(struct call *call)
{
    const struct call *c = call;

    while (call->local[0] != '-' && call->remote[0] == '-' && c-- > calls) {
        long fd = is(c, "accept accept4 ") ? c->result : c->fd;
        if (fd == call->fd && c->line->pid == call->line->pid &&
            strcmp(c->local, call->local) == 0)
            memcpy(call->remote, c->remote, sizeof(call->remote));
    }
}

/* The call is at the other end of this one's connection. */
static bool faces(const struct call *call, const struct call *other)
{
    return call->remote[0] != '-' && strcmp(call->local, other->remote) == 0 &&
           strcmp(call->remote, other->local) == 0;
}

static bool same_end(const struct call *call, const struct call *other)
{
    return strcmp(call->local, other->local) == 0 &&
           strcmp(call->remote, other->remote) == 0;
}

static struct call *past_calls(void)
{
    return calls + call_count;
}

/* How many bytes this end received before the call, in it, and by how much the
   other end's sends went beyond: from which of them is the last byte. */
static void find_sender(struct call *call)
{
    long taken = 0, sent = 0;

    for (struct call *c = calls; c < past_calls(); c++)
        if (receives(c) && c->ended && c->result > 0 && same_end(c, call) &&
            c->end <= call->end)
            taken += c->result;
    for (struct call *c = calls; c < past_calls() && sent < taken; c++) {
        if (!sends(c) || !faces(c, call))
            continue;
        sent += c->ended && c->result >= 0 ? c->result : c->len;
        call->cause = c;
    }
    call->part = sent > taken;
}

/* What told the other end that no more comes: half-close, close, or exit. */
static struct call *find_last_word(const struct call *call)
{
    struct call *found = NULL;
    long pid = -1;

    for (struct call *c = calls; c < past_calls(); c++) {
        if (call->ended && c->begin > call->end)
            break;
        if (faces(c, call))
            pid = c->line->pid;
        if (faces(c, call) && is(c, "shutdown ") && strcmp(c->text, "SHUT_RD"))
            return c;
        if ((faces(c, call) && is(c, "close ")) ||
            (is(c, "exit ") && c->line->pid == pid && found == NULL))
            found = c;
    }
    return found;
}

static void find_cause(struct call *call)
{
    if (!call->ended)
        return;
    if (is(call, "accept accept4 ") && call->result >= 0) {
        for (struct call *c = calls; c < past_calls(); c++)
            if (is(c, "connect ") && faces(c, call))
                call->cause = c;
    } else if (receives(call) && !is_stdin(call)) {
        if (call->result > 0)
            find_sender(call);
        else if (call->result == 0 || strcmp(call->error, "ECONNRESET") == 0)
            call->cause = find_last_word(call);
    }
}

/* Who takes what arrives at the other end: the next to receive there. */
static struct line *find_receiver(const struct call *call)
{
    struct line *line = NULL;

    for (struct call *c = calls; c < past_calls(); c++) {
        if (!faces(c, call))
            continue;
        line = c->line;
        if (receives(c) && (!c->ended || c->end > call->begin))
            break;
    }
    return line;
}

static struct line *find_listener(const struct call *call)
{
    for (struct call *c = calls; c < past_calls(); c++)
        if (is(c, "accept accept4 ") && c->cause == call)
            return c->line;
    for (struct call *c = calls; c < past_calls(); c++)
        if (is(c, "listen ") && strcmp(c->local, call->text) == 0 &&
            call->ended && call->result == 0)
            return c->line;
    return NULL;
}

/* Bytes lie unread where a connection is closed: that resets it, tcp(7). */
static bool leaves_bytes(const struct call *call)
{
    long sent = 0, taken = 0;

    for (struct call *c = calls; c < past_calls() && c->begin < call->begin;
         c++) {
        if (sends(c) && faces(c, call))
            sent += c->ended && c->result >= 0 ? c->result : 0;
        if (receives(c) && same_end(c, call) && c->result > 0)
            taken += c->result;
    }
    return sent > taken;
}

/* Somebody at the other end waited for more until the trace ended. */
static struct line *find_waiting(const struct call *call)
{
    for (struct call *c = calls; c < past_calls(); c++)
        if (receives(c) && !c->ended && faces(c, call))
            return c->line;
    return NULL;
}

static void find_arrow(struct call *call)
{
    bool last_word = false;

    if (sends(call) && !(call->ended && call->result == -1))
        call->to = find_receiver(call);
    if (is(call, "connect "))
        call->to = find_listener(call);
    for (struct call *c = calls; c < past_calls() && !is_stdin(call); c++)
        if (receives(c) && c->cause == call && !sends(call)) {
            last_word = true;
            call->to = c->line;
        }
    if (is(call, "close shutdown ") && !last_word) {
        call->to = find_waiting(call);
        last_word = call->to != NULL;
    }
    if (last_word)
        call->label =
            is(call, "close ") && leaves_bytes(call) ? "reset" : "end of file";
}

static void find_creators(void)
{
    for (size_t i = 0; i < line_count; i++) {
        struct line *line = &lines[i];
        long nth = 0;
        for (struct call *c = calls; c < past_calls() && line->thread; c++)
            if (is(c, "pthread_create ") && c->line->pid == line->pid &&
                c->ended && c->result == 0 && ++nth == line->thread) {
                line->creator = c;
                c->to = line;
            }
    }
}

/* A poll returns for the sake of the call behind it. */
static void find_poll_cause(struct line *line, size_t i)
{
    struct call *call = line->calls[i];

    for (i++; polls(call) && call->result > 0 && i < line->count; i++)
        if (waits(line->calls[i]) && !polls(line->calls[i])) {
            call->cause = line->calls[i]->cause;
            return;
        }
}

static void connect_calls(void)
{
    for (struct call *c = calls; c < past_calls(); c++)
        complete_ends(c);
    for (struct call *c = calls; c < past_calls(); c++)
        find_cause(c);
    for (struct call *c = calls; c < past_calls(); c++)
        find_arrow(c);
    find_creators();
    for (struct call *c = calls; c < past_calls(); c++) {
        struct line *line = c->line;
        line->calls =
            realloc(line->calls, (line->count + 1) * sizeof(*line->calls));
        if (line->calls == NULL)
            err(1, "realloc");
        line->calls[line->count++] = c;
        if (is(c, "listen ")) {
            line->listens = true;
            const char *colon = strrchr(c->local, ':');
            if (colon && server_port[0] == '\0')
                snprintf(server_port, sizeof(server_port), "%s", colon + 1);
        }
    }
    for (size_t i = 0; i < line_count; i++)
        for (size_t k = 0; k < lines[i].count; k++)
            find_poll_cause(&lines[i], k);
}

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
        for (; next < past_calls() && next->begin == number; next++)
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
