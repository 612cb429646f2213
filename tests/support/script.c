#include "script.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { VALUES_MAX = 64 };

static struct value {
    char name[16];
    char digits[16];
} values[VALUES_MAX];
static size_t value_count;

static void *grow(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL)
        err(1, "realloc");
    return memory;
}

static char *copy(const char *text, size_t len)
{
    char *new = grow(NULL, len + 1);

    memcpy(new, text, len);
    new[len] = '\0';
    return new;
}

const char *value_of(const char *name, size_t len)
{
    for (size_t i = 0; i < value_count; i++)
        if (strlen(values[i].name) == len &&
            strncmp(values[i].name, name, len) == 0)
            return values[i].digits;
    return NULL;
}

void set_value(const char *name, size_t len, const char *digits, size_t n)
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
    char *new = copy("", 0);
    size_t len = 0;

    while (*text) {
        size_t n = name_length(text);
        const char *value = n ? value_of(text + 1, n - 2) : NULL;
        if (n && value == NULL)
            value = otherwise;
        const char *from = value ? value : text;
        size_t add = value ? strlen(value) : n ? n : 1;
        new = grow(new, len + add + 1);
        memcpy(new + len, from, add);
        len += add;
        new[len] = '\0';
        text += n ? n : 1;
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
            for (;; got++) {
                if (match_from(want + 1, got, furthest))
                    return true;
                if (*got == '\0')
                    return false;
            }
        }
        if (name && value_of(want + 1, name - 2) == NULL) {
            size_t digits = strspn(got, "0123456789");
            if (digits == 0 || *got == '0')
                return false;
            set_value(want + 1, name - 2, got, digits);
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

/* Takes a raw line apart. Returns false when it is none of a transcript. */
static bool parse_line(const char *raw, struct line *line)
{
    size_t len = strlen(raw);
    size_t name = 0;

    line->shown = copy(raw, len);
    line->name[0] = '\0';
    if (strncmp(raw, "$ ", 2) == 0) {
        line->kind = STARTS;
        line->text = copy(raw + 2, len - 2);
        return true;
    }
    if (raw[0] == '(' && raw[len - 1] == ')') {
        line->kind = DIRECTION;
        line->text = copy(raw + 1, len - 2);
        return true;
    }
    while (islower((unsigned char)raw[name]) ||
           isdigit((unsigned char)raw[name]))
        name++;
    if (name == 0 || name >= sizeof(line->name) || !raw[name] ||
        !strchr(":?!<", raw[name]) || (raw[name + 1] && raw[name + 1] != ' '))
        return false;
    memcpy(line->name, raw, name);
    line->name[name] = '\0';
    line->kind = (enum kind)raw[name];
    size_t skip = name + (raw[name + 1] ? 2 : 1);
    line->text = copy(raw + skip, len - skip);
    return true;
}

/* Puts {port} in place of the word `port` wherever it follows `before`. */
static char *name_port(char *text, const char *before, const char *port)
{
    char *new = copy("", 0);
    size_t len = 0;

    for (const char *at = text; *at;) {
        size_t lead = strlen(before), digits = strlen(port);
        bool here = strncmp(at, before, lead) == 0 &&
                    strncmp(at + lead, port, digits) == 0 &&
                    !isalnum((unsigned char)at[lead + digits]);
        size_t add = here ? lead + strlen("{port}") : 1;
        new = grow(new, len + add + 1);
        if (here)
            snprintf(new + len, add + 1, "%s{port}", before);
        else
            new[len] = *at;
        len += add;
        new[len] = '\0';
        at += here ? lead + digits : 1;
    }
    free(text);
    return new;
}

static void find_port(struct script *script)
{
    for (size_t i = 0; i < script->count && !script->port[0]; i++) {
        struct line *line = &script->lines[i];
        const char *port = strstr(line->text, " port ");
        size_t digits = port ? strspn(port + 6, "0123456789") : 0;
        if (line->kind == PRINTS && digits > 0 && digits < 6 &&
            !strchr(line->text, '*'))
            memcpy(script->port, port + 6, digits);
    }
    for (size_t i = 0; script->port[0] && i < script->count; i++) {
        struct line *line = &script->lines[i];
        if (line->kind == STARTS)
            line->text = name_port(line->text, " ", script->port);
        else if (line->kind == PRINTS || line->kind == COMPLAINS)
            line->text = name_port(line->text, " port ", script->port);
    }
}

static void add_line(struct script *script, struct line line)
{
    script->lines =
        grow(script->lines, (script->count + 1) * sizeof(*script->lines));
    script->lines[script->count++] = line;
}

/* Joins lines of `# words` into one hint. */
static char *add_hint(char *hint, bool goes_on, const char *words)
{
    size_t len = goes_on ? strlen(hint) : 0;
    char *new = grow(NULL, len + strlen(words) + 2);

    snprintf(new, len + strlen(words) + 2, "%s%s%s", goes_on ? hint : "",
             goes_on ? " " : "", words);
    return new;
}

size_t load_scripts(const char *file, struct script **scripts)
{
    bool is_stdin = strcmp(file, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(file, "r");
    if (in == NULL)
        err(1, "open %s", file);
    size_t len = strlen(file);
    bool handout = len > 3 && strcmp(file + len - 3, ".md") == 0;
    bool inside = !handout, hinted = false;
    char *title = copy(file, len), *hint = NULL, *raw = NULL;
    size_t count = 0, size = 0, number = 0;
    ssize_t n;

    *scripts = NULL;
    while ((n = getline(&raw, &size, in)) != -1) {
        number++;
        if (n > 0 && raw[n - 1] == '\n')
            raw[--n] = '\0';
        if (!inside && strncmp(raw, "# ", 2) == 0)
            title =
                copy(raw + strspn(raw, "# "), strlen(raw + strspn(raw, "# ")));
        bool opens = handout && !inside && strcmp(raw, "```transcript") == 0;
        if (opens || (!handout && count == 0)) {
            *scripts = grow(*scripts, (count + 1) * sizeof(**scripts));
            (*scripts)[count++] = (struct script){.title = title};
            hint = NULL;
            inside = true;
        }
        if (opens || !inside)
            continue;
        if (handout && strcmp(raw, "```") == 0) {
            inside = false;
            continue;
        }
        if (raw[0] == '#')
            hint = add_hint(hint, hinted, raw + 1 + (raw[1] == ' '));
        hinted = raw[0] == '#';
        if (hinted || n == 0)
            continue;
        struct line line = {.hint = hint};
        if (!parse_line(raw, &line))
            errx(2, "%s, line %zu: not a line of a transcript: %s", file,
                 number, raw);
        add_line(&(*scripts)[count - 1], line);
    }
    for (size_t i = 0; i < count; i++)
        find_port(&(*scripts)[i]);
    free(raw);
    if (!is_stdin)
        fclose(in);
    return count;
}
