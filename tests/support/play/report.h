/*
 * What a failure says: what was done, what was expected, what came, the
 * likely cause, and what to read again. Written for a student who sees a red
 * test at midnight. All but report_progress, report_reading and
 * report_sanitizer end the program with status 1.
 */
#ifndef REPORT_H
#define REPORT_H

#include "actor.h"
#include "script.h"

/* Where the play is: the lines before number `at` have been played. */
void report_progress(const struct script *script, size_t at);

/* What to read again: "handouts/lab3-chat.md, step 2". */
void report_reading(const char *words);

/* What it means that a program uses the processor all the time. */
extern const char spins[];

/* What a starter said that met a step which is still to be done, or NULL. */
const char *missing_step(void);

/* A line came, and differs behind its first `at` bytes. */
_Noreturn void report_difference(struct actor *actor, const struct line *line,
                                 const char *got, size_t at);

/* No line came. */
_Noreturn void report_silence(struct actor *actor, const struct line *line);

/* A line came that the transcript does not have. */
_Noreturn void report_more(struct actor *actor, const char *got);

/* A program is still running, or has ended otherwise than it should. */
_Noreturn void report_end(struct actor *actor, const struct line *line);

/* Something else went wrong. `symptom` is what it means, or NULL. */
_Noreturn void report_otherwise(const struct line *line, const char *got,
                                const char *symptom);

/* A sanitizer has begun a report, and not ended it. */
bool sanitizer_writes(void);

/* Fails when a sanitizer found something in this program. */
void report_sanitizer(struct actor *actor);

#endif
