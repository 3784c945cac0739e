/* outsider: an outside authentication system that the test plays itself: login and validate as documented (requirement document,
 * section 5.1), with HS256 tokens. It does what it is told, from a thread of its own. */
#ifndef SYSTEM_OUTSIDER_H
#define SYSTEM_OUTSIDER_H

enum manner { ANSWERS, DENIES /* "valid": false */, REFUSES /* 401 */, FAILS /* 500 */, TALKS_NONSENSE, HANGS };

#define OUTSIDER_SECRET "kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3Hf5Js0G"
#define OUTSIDER_USER   "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1e77"

void outsider_start(void); /* once in a program */
void outsider_is(enum manner manner, const char *permissions /* JSON */); /* from now on; forgets what was asked */
int outsider_asked(void);  /* validate, since then */

const char *outsider_url(void);
char *outsider_token(const char *more_claims); /* signed, good for ten minutes; `more_claims`: ",\"name\":..." or "" */

#endif
