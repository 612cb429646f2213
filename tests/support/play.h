/*
 * What the directions of a play use of the player.
 */
#ifndef PLAY_H
#define PLAY_H

#include "actor.h"
#include "script.h"

#include <stdbool.h>

/* For one line; nothing right takes a tenth of it. */
enum { DEADLINE_MS = 8000 };

/* Waits until something happens. Returns false at the deadline, a time of
   now_ms; that comes soon when a program has met a step that is still to be
   done. */
bool wait_more(long long *deadline);

/* Returns who is called that in the line, or ends the play. */
struct actor *actor_of(const char *name, const struct line *line);

#endif
