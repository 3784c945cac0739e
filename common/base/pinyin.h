/* pinyin: Chinese text as Latin letters for keyword search (base/han_latin.h).
 * A character has one reading here, its usual one: 长城 is "zhangcheng"; but 重庆 is "chongqing". */
#ifndef BASE_PINYIN_H
#define BASE_PINYIN_H

#include "base/arena.h"

/* "北京药业" -> "beijingyaoye bjyy": lower-case full form without spaces, a space, the initials. ASCII letters and
 * digits in between stay whole in both: "北京ABC" -> "beijingabc bjabc". Text without Chinese characters gives "".
 * Thread-safe. */
struct str pinyin_of(struct arena *a, struct str text);

#endif
