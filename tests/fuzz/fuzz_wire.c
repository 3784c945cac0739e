/* A connection's bytes: the same requests however they are split, each within the rules. */
#include "fuzz.h"
#include "transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transcript t;
    transcript_check(&t, fuzz_input(data, size));
    transcript_done(&t);
    return 0;
}
