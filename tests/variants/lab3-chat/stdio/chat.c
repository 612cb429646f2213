/*
 * getc(3) on a FILE of the connection. There is one FILE for the whole chat: a
 * new one for each line would throw away what the old one has read ahead. And
 * getc, not fgets, whose string cannot hold a NUL.
 */
#include "chat.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *in, *out;
static char line[LINE_LIMIT];
static int len;

enum { TOO_LONG = -2, END = -1 };

/* Returns the length of the next line, or one of the above. */
static int get(FILE *file)
{
    int raw = 0, c;

    while ((c = getc(file)) != EOF && c != '\n') {
        if (raw < LINE_LIMIT)
            line[raw] = (char)c;
        if (++raw > LINE_LIMIT && file != stdin)
            return TOO_LONG;
    }
    /* A typed line needs room for the newline that it will get. */
    if (raw + (c == '\n' || file == stdin) > LINE_LIMIT)
        return TOO_LONG;
    if (c == EOF && (raw == 0 || ferror(file)))
        return END;
    return c == '\n' && raw > 0 && line[raw - 1] == '\r' ? raw - 1 : raw;
}

static void open_files(int conn)
{
    if (in)
        return;
    in = fdopen(conn, "r");
    out = fdopen(dup(conn), "w");
    if (in == NULL || out == NULL)
        err(1, "fdopen");
}

static bool gone(const struct chat *chat)
{
    printf("%s disconnected....\n", chat->peer);
    return false;
}

bool say(struct chat *chat, const char *text, size_t count)
{
    open_files(chat->heard.fd);
    fwrite(text, 1, count, out);
    putc('\n', out);
    if (fflush(out) == EOF) {
        if (errno != EPIPE && errno != ECONNRESET)
            err(1, "write");
        return gone(chat);
    }
    return count != 3 || memcmp(text, "bye", 3) != 0;
}

bool hear(struct chat *chat)
{
    open_files(chat->heard.fd);
    len = get(in);
    if (len == TOO_LONG)
        errx(1, "a line of more than %d bytes", LINE_LIMIT);
    if (ferror(in) && errno != ECONNRESET)
        err(1, "read");
    if (len == END || (len == 3 && memcmp(line, "bye", 3) == 0))
        return gone(chat);
    printf("From %s: ", chat->peer);
    fwrite(line, 1, (size_t)len, stdout);
    putchar('\n');
    return true;
}

bool speak(struct chat *chat)
{
    while ((len = get(stdin)) == TOO_LONG)
        warnx("too long, not sent");
    return len == END ? say(chat, "bye", 3) : say(chat, line, (size_t)len);
}
