/* pinyin: Chinese text as Latin letters for keyword search, by ICU's "Han-Latin; Latin-ASCII" (the only user of ICU).
 * A character has one reading here, its usual one: 长城 is "zhangcheng". */
#ifndef BASE_PINYIN_H
#define BASE_PINYIN_H

#include "base/arena.h"

/* "北京药业" -> "beijingyaoye bjyy": lower-case full form without spaces, a space, the initials. ASCII letters and
 * digits in between stay whole in both: "北京ABC" -> "beijingabc bjabc". Text without Chinese characters gives "".
 * Thread-safe: each thread keeps its own transliterator. */
struct str pinyin_of(struct arena *a, struct str text);

#endif
