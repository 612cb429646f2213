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
    /* TODO 2: make room and read into it; again if a signal came between.
       Use memmove(3), read(2). Afterwards: what came stands behind what was
       waiting. About 13 lines. */
    todo(2, reader);
}

/*
 * Fetches the next line, without its `\n` or `\r\n`. It stays valid until the
 * next call. A last line without newline counts when the end of file follows.
 * Returns 1, or 0 at the end of file, or -1 with errno of read(2), or with
 * EMSGSIZE when the line is longer than LINE_LIMIT bytes.
 */
static int read_line(struct reader *reader, const char **line, size_t *len)
{
    /* TODO 2: look for a newline in what is waiting, and read more until
       there is one. Use memchr(3), read_more. Afterwards: the server prints
       "From Client: This is from Client". About 26 lines. */
    todo(2, reader, line, len, read_more);
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

    /* TODO 1: put the newline behind the line, and send both in one go. Use
       memcpy(3), send_all. Afterwards: the client opens with "This is from
       Client". About 3 lines. */
    todo(1, conn, line, len, message);
}

/* Ends the chat because of the other side: `result` is that of read_line or
   send_line. A `bye`, an end of file and a connection that is gone are ends
   that a chat can have; anything else is a failure. */
static bool leave(const struct chat *chat, int result)
{
    /* TODO 4: print the closing line, or say what went wrong and exit. Use
       errx(3), err(3), printf(3). Afterwards: `bye` ends both programs.
       About 7 lines. */
    todo(4, chat, result);
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

    /* TODO 3: read a typed line and say it; at the end of input, say bye.
       Use read_typed_line, say, err(3). Afterwards: the two sides take
       turns. About 6 lines. */
    todo(3, chat, &line, &len, read_typed_line);
}
