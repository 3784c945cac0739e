#include "pki.h"

#include "expect.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

static void run(const char *command)
{
    expect(system(command) == 0, "%s", command);
}

static void pki_remove(void *dir)
{
    char *command = NULL;
    if (asprintf(&command, "rm -r '%s'", (char *)dir) < 0 || system(command)) abort();
    free(command);
    free(dir);
}

void pki_issue(const char *pki, const char *name, const char *alt, int days)
{
    run(text("cd %s && openssl req -new " NEW_KEY " -subj /CN=%s -addext subjectAltName=%s -keyout %s.key -out %s.csr 2>/dev/null && "
             "openssl x509 -req -in %s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copy -days %d -out %s.crt 2>/dev/null",
             pki, name, alt, name, name, name, days, name));
}

void pki_copy(const char *pki, const char *name, const char *from)
{
    run(text("cd %s && cp %s.crt %s.crt && cp %s.key %s.key", pki, from, name, from, name));
}

const char *pki_new(void)
{
    char *dir = strdup("/tmp/crm-pki-XXXXXX");
    if (!dir || !mkdtemp(dir)) abort();
    pool_keep(dir, pki_remove);
    run(text("cd %s && openssl req -x509 " NEW_KEY " -days 2 -subj /CN=%s -keyout ca.key -out ca.crt 2>/dev/null", dir,
             strrchr(dir, '/') + 1));
    pki_issue(dir, "client", "DNS:gateway.test", 2);
    return dir;
}
