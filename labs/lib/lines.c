#include "lines.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "net.h"

/* Reads more behind what is waiting, which first moves to the front of the
   buffer. Returns what read(2) returned: 0 at the end of file. */
static ssize_t read_more(struct reader *reader)
{
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

int read_line(struct reader *reader, const char **line, size_t *len)
{
    size_t limit = reader->limit ? reader->limit : LINE_LIMIT;

    for (;;) {
        const char *start = reader->buf + reader->start;
        size_t waiting = reader->end - reader->start;
        const char *newline = memchr(start, '\n', waiting);
        size_t raw = newline ? (size_t)(newline - start) + 1 : waiting;
        if (raw > limit) {
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

int read_typed_line(struct reader *reader, const char **line, size_t *len)
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

int send_line(int conn, const char *line, size_t len)
{
    char message[LINE_LIMIT];

    if (len + 1 > sizeof(message)) {
        errno = EMSGSIZE;
        return -1;
    }
    memcpy(message, line, len);
    message[len] = '\n';
    return send_all(conn, message, len + 1);
}

bool line_is(const char *line, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(line, word, len) == 0;
}
