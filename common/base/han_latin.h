/* han_latin: Chinese characters as Latin letters, by ICU's "Han-Latin; Latin-ASCII".
 *
 * ICU takes 10 us and more for a character, so each is asked for once. It has a few rules for characters side by side (重庆 is "chong qing",
 * 重 is "zhong"): those that any such rule names are never taken by themselves. Which they are, ICU says. */
#ifndef BASE_HAN_LATIN_H
#define BASE_HAN_LATIN_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends "bei jing " for "北京". `han`: valid UTF-8, all of it Han script. What has no reading, or everything without ICU's data, is
 * left out or comes as it is. Thread-safe. */
void han_latin_add(struct buf *b, struct arena *a, struct str han);

#endif
