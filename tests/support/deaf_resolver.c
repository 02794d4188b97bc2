// SPDX-License-Identifier: GPL-3.0-or-later
// Has a process ask a name server that says nothing, for longer than any test takes: LD_PRELOAD.
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    sleep(600);
    return EAI_AGAIN;
}
