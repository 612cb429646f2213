/*
 * Shows a transcript as it is played: the server on the left, the clients on
 * the right, time runs down, what is typed is set off.
 */
#ifndef STAGE_H
#define STAGE_H

/* Opens the stage; without that, the other calls show nothing. `pace` is in
   percent: 100 suits a lecture hall, 0 does not wait. Colours and waiting are
   for a terminal only; COLUMNS in the environment is how wide it is. */
void stage_open(int pace);

void stage_title(const char *title);

/* One event of one program; `how` is as in script.h. */
void stage_show(const char *name, int how, const char *text);

#endif
