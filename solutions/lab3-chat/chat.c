#include "chat.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cli.h"
#include "net.h"

/* Reads more behind what is waiting, which first moves to the front of the
   buffer. Returns what read(2) returned: 0 at the end of file. */
static ssize_t read_more(struct reader *reader)
{
    /* Step 2: make room and read into it; again if a signal came between. */
    size_t waiting = reader->end - reader->start;
    memmove(reader->buf, reader->buf + reader->start, waiting);
    reader->start = 0;
    reader->end = waiting;

    ssize_t n;
    do
        n = read(reader->fd, reader->buf + waiting,
                 sizeof(reader->buf) - waiting);
    while (n == -1 && errno == EINTR);
    if (n > 0)
        reader->end += (size_t)n;
    return n;
}

/*
 * Fetches the next line, without its `\n` or `\r\n`. It stays valid until the
 * next call. A last line without newline counts when the end of file follows.
 * Returns 1, or 0 at the end of file, or -1 with errno of read(2), or with
 * EMSGSIZE when the line is longer than LINE_LIMIT bytes.
 */
static int read_line(struct reader *reader, const char **line, size_t *len)
{
    /* Step 2: look for a newline in what is waiting, and read more until
       there is one. */
    for (;;) {
        const char *start = reader->buf + reader->start;
        size_t waiting = reader->end - reader->start;
        const char *newline = memchr(start, '\n', waiting);
        size_t raw = newline ? (size_t)(newline - start) + 1 : waiting;
        if (raw > LINE_LIMIT) {
            errno = EMSGSIZE;
            return -1;
        }

        if (newline) {
            bool crlf = raw >= 2 && newline[-1] == '\r';
            *line = start;
            *len = raw - (crlf ? 2 : 1);
            reader->start += raw;
            return 1;
        }

        ssize_t n = read_more(reader);
        if (n == -1)
            return -1;
        if (n == 0) {
            *line = reader->buf;
            *len = raw;
            reader->start = raw;
            return raw > 0;
        }
    }
}

/* Drops what is left of a line, up to its newline. */
static void skip_line(struct reader *reader)
{
    const char *newline;

    while ((newline = memchr(reader->buf + reader->start, '\n',
                             reader->end - reader->start)) == NULL) {
        reader->start = reader->end;
        if (read_more(reader) <= 0)
            return;
    }
    reader->start = (size_t)(newline - reader->buf) + 1;
}

/* As read_line, for a line that is going to be sent: it is dropped with a
   warning, and another one is read, when there is no room for its newline. */
static int read_typed_line(struct reader *reader, const char **line,
                           size_t *len)
{
    for (;;) {
        int result = read_line(reader, line, len);
        bool too_long = result == 1 ? *len + 1 > LINE_LIMIT
                                    : result == -1 && errno == EMSGSIZE;
        if (!too_long)
            return result;
        warnx("not sent: a line has at most %d bytes", LINE_LIMIT);
        if (result == -1) /* else all of it was handed out */
            skip_line(reader);
    }
}

/* The whole line and nothing else: "bye bye" and "Bye" are no `bye`. */
static bool is_bye(const char *line, size_t len)
{
    return len == 3 && memcmp(line, "bye", 3) == 0;
}

/* Sends a line and its newline. Returns 0, or -1 with errno of send(2). */
static int send_line(int conn, const char *line, size_t len)
{
    char message[LINE_LIMIT];

    /* Step 1: put the newline behind the line, and send both in one go. */
    memcpy(message, line, len);
    message[len] = '\n';
    return send_all(conn, message, len + 1);
}

/* Ends the chat because of the other side: `result` is that of read_line or
   send_line. A `bye`, an end of file and a connection that is gone are ends
   that a chat can have; anything else is a failure. */
static bool leave(const struct chat *chat, int result)
{
    /* Step 4: print the closing line, or say what went wrong and exit. */
    if (result == -1 && errno == EMSGSIZE)
        errx(1, "the %s's line is longer than %d bytes", chat->peer,
             LINE_LIMIT);
    if (result == -1 && errno != ECONNRESET && errno != EPIPE)
        err(1, "connection to the %s", chat->peer);
    printf("%s disconnected....\n", chat->peer);
    return false;
}

bool say(struct chat *chat, const char *line, size_t len)
{
    int result = send_line(chat->heard.fd, line, len);

    return result == -1 ? leave(chat, result) : !is_bye(line, len);
}

bool hear(struct chat *chat)
{
    const char *line;
    size_t len;
    int result = read_line(&chat->heard, &line, &len);

    if (result != 1 || is_bye(line, len))
        return leave(chat, result);
    printf("From %s: ", chat->peer);
    fwrite(line, 1, len, stdout); /* not printf: a NUL may be in it */
    putchar('\n');
    return true;
}

bool speak(struct chat *chat)
{
    const char *line;
    size_t len;

    /* Step 3: read a typed line and say it; at the end of input, say bye. */
    int result = read_typed_line(&chat->typed, &line, &len);
    if (result == -1)
        err(1, "read stdin");
    if (result == 0)
        return say(chat, "bye", strlen("bye"));
    return say(chat, line, len);
}
