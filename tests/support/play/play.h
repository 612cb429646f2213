/*
 * What the directions of a play use of the player.
 */
#ifndef PLAY_H
#define PLAY_H

#include "actor.h"
#include "script.h"

#include <stdbool.h>

/* How long one line is waited for. Nothing right takes a tenth of the 8 seconds
   that it is; PATIENCE_MS in the environment makes it shorter, for programs
   that are known to be wrong. */
int patience_ms(void);

/* Waits until something happens. Returns false at the deadline, a time of
   now_ms; that comes soon when a program has met a step that is still to be
   done. */
bool wait_more(long long *deadline);

/* Returns who is called that in the line, or ends the play. */
struct actor *actor_of(const char *name, const struct line *line);

#endif
