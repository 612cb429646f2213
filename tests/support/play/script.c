#include "script.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { VALUES_MAX = 256 };

static struct value {
    char name[16]; /* with its braces */
    char digits[16];
} values[VALUES_MAX];
static size_t value_count;

/* Appends n characters. A NULL `to` is an empty text. Returns the new text. */
static char *append(char *to, const char *from, size_t n)
{
    size_t len = to ? strlen(to) : 0;

    to = realloc(to, len + n + 1);
    if (to == NULL)
        err(1, "realloc");
    memcpy(to + len, from, n);
    to[len + n] = '\0';
    return to;
}

static const char *value_of(const char *name, size_t len)
{
    for (size_t i = 0; i < value_count; i++)
        if (strlen(values[i].name) == len &&
            memcmp(values[i].name, name, len) == 0)
            return values[i].digits;
    return NULL;
}

static void set_value(const char *name, size_t len, const char *digits,
                      size_t n)
{
    if (value_count == VALUES_MAX)
        errx(1, "more than %d names for numbers", VALUES_MAX);
    struct value *value = &values[value_count++];
    snprintf(value->name, sizeof(value->name), "%.*s", (int)len, name);
    snprintf(value->digits, sizeof(value->digits), "%.*s", (int)n, digits);
}

void forget_values(void)
{
    value_count = 0;
}

/* Returns the length of a `{name}` at the start of text, or 0. */
static size_t name_length(const char *text)
{
    size_t len = *text == '{' ? strcspn(text, "}") : 0;

    return len > 0 && text[len] == '}' ? len + 1 : 0;
}

char *expand(const char *text, const char *otherwise)
{
    char *new = append(NULL, "", 0);

    while (*text) {
        size_t name = name_length(text);
        const char *value = name ? value_of(text, name) : NULL;
        if (name && value == NULL)
            value = otherwise;
        size_t n = name ? name : 1;
        new = value ? append(new, value, strlen(value)) : append(new, text, n);
        text += n;
    }
    return new;
}

/* As matches; *furthest moves on to the first byte that did not agree. */
static bool match_from(const char *want, const char *got, const char **furthest)
{
    for (;;) {
        if (got > *furthest)
            *furthest = got;
        size_t name = name_length(want);
        if (*want == '*') {
            while (!match_from(want + 1, got, furthest))
                if (*got++ == '\0')
                    return false;
            return true;
        }
        if (name && value_of(want, name) == NULL) {
            size_t digits = strspn(got, "0123456789");
            if (digits == 0 || *got == '0')
                return false;
            set_value(want, name, got, digits);
            want += name;
            got += digits;
            continue;
        }
        if (*want != *got)
            return false;
        if (*want == '\0')
            return true;
        want++;
        got++;
    }
}

bool matches(const char *want, const char *got, size_t *at)
{
    size_t known = value_count;
    const char *furthest = got;
    char *expanded = expand(want, NULL);
    bool same = match_from(expanded, got, &furthest);

    if (!same)
        value_count = known;
    *at = (size_t)(furthest - got);
    free(expanded);
    return same;
}

/* Takes a line apart. Returns false when it is none of a transcript. */
static bool parse_line(const char *raw, struct line *line)
{
    size_t name = strspn(raw, "abcdefghijklmnopqrstuvwxyz0123456789");
    size_t text = name + 1;

    if (raw[0] == '(' && raw[strlen(raw) - 1] == ')') {
        line->kind = DIRECTION;
        text = 0;
    } else if (strncmp(raw, "$ ", 2) == 0 ||
               (name > 0 && name < sizeof(line->name) && raw[name] &&
                strchr(":~?!<", raw[name]))) {
        line->kind = (enum kind)raw[name];
        memcpy(line->name, raw, name);
        text += raw[text] == ' ';
    } else {
        return false;
    }
    line->shown = append(NULL, raw, strlen(raw));
    line->text = line->shown + text;
    return true;
}

/* Puts {port} in place of the number `port` wherever it follows `before`. */
static void name_port(struct line *line, const char *before, const char *port)
{
    ptrdiff_t prefix = line->text - line->shown;
    char *new = append(NULL, "", 0), *at = line->shown, *found;
    char pattern[32];
    size_t len =
        (size_t)snprintf(pattern, sizeof(pattern), "%s%s", before, port);

    for (; (found = strstr(at, pattern)) != NULL; at = found + len) {
        bool longer = isdigit((unsigned char)found[len]);
        const char *instead = longer ? port : "{port}";
        new = append(new, at, (size_t)(found - at) + strlen(before));
        new = append(new, instead, strlen(instead));
    }
    new = append(new, at, strlen(at));
    free(line->shown);
    line->shown = new;
    line->text = new + prefix;
}

/* Finds the transcript's port, and gives it its name wherever it stands. */
static void find_port(struct script *script)
{
    for (size_t i = 0; i < script->count && !script->port[0]; i++) {
        struct line *line = &script->lines[i];
        const char *port = strstr(line->text, " port ");
        if (line->kind == PRINTS && port && !strchr(line->text, '*'))
            sscanf(port, " port %7[0-9]", script->port);
    }
    for (size_t i = 0; script->port[0] && i < script->count; i++) {
        struct line *line = &script->lines[i];
        name_port(line, line->kind == STARTS ? " " : " port ", script->port);
    }
}

static struct script *add_script(struct script *scripts, size_t count,
                                 const char *title)
{
    scripts = realloc(scripts, (count + 1) * sizeof(*scripts));
    if (scripts == NULL)
        err(1, "realloc");
    scripts[count] =
        (struct script){.title = append(NULL, title, strlen(title))};
    return scripts;
}

/* Adds a line. One with a `#` is the hint for those that follow it. */
static void add_line(struct script *script, const char *raw, const char *file)
{
    struct line line = {.hint = script->hint};

    if (raw[0] == '#') {
        char *before = script->in_hint ? script->hint : NULL;
        script->hint = append(before, raw + 1, strlen(raw + 1));
    } else if (raw[0] != '\0') {
        if (!parse_line(raw, &line))
            errx(2, "%s: not a line of a transcript: %s", file, raw);
        script->lines =
            realloc(script->lines, (script->count + 1) * sizeof(line));
        if (script->lines == NULL)
            err(1, "realloc");
        script->lines[script->count++] = line;
    }
    script->in_hint = raw[0] == '#';
}

size_t load_scripts(const char *file, struct script **scripts)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
    const char *end = strrchr(file, '.');
    bool handout = end && strcmp(end, ".md") == 0;
    bool inside = !handout;
    char title[128], *raw = NULL;
    size_t count = 0, size = 0;
    ssize_t n;

    if (in == NULL)
        err(1, "open %s", file);
    snprintf(title, sizeof(title), "%s", file);
    *scripts = handout ? NULL : add_script(NULL, count++, title);
    while ((n = getline(&raw, &size, in)) != -1) {
        if (n > 0 && raw[n - 1] == '\n')
            raw[n - 1] = '\0';
        if (handout && strcmp(raw, "```transcript") == 0) {
            *scripts = add_script(*scripts, count++, title);
            inside = true;
        } else if (handout && strcmp(raw, "```") == 0) {
            inside = false;
        } else if (inside) {
            add_line(&(*scripts)[count - 1], raw, file);
        } else if (strncmp(raw, "# ", 2) == 0) {
            snprintf(title, sizeof(title), "%s", raw + 2);
        }
    }
    for (size_t i = 0; i < count; i++)
        find_port(&(*scripts)[i]);
    free(raw);
    fclose(in);
    return count;
}
