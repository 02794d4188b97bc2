/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ganglion.h"

int gg_topic_matches(const char *filter, size_t filter_length, const char *topic, size_t topic_length) {
    const char *f = filter, *f_end = filter + filter_length;
    const char *t = topic, *t_end = topic + topic_length;

    if (topic_length && *t == '$' && filter_length && (*f == '+' || *f == '#'))
        return 0; /* 4.7.2: a leading wildcard does not see topics that start with $ */
    for (;;) {
        if (f < f_end && *f == '#')
            return 1;
        if (f < f_end && *f == '+') {
            f++;
            while (t < t_end && *t != '/')
                t++;
        } else {
            while (f < f_end && t < t_end && *f == *t && *f != '/') {
                f++;
                t++;
            }
        }
        if (f == f_end || t == t_end)
            break;
        if (*f != '/' || *t != '/')
            return 0;
        f++;
        t++;
    }
    if (t == t_end && f_end - f == 2 && f[0] == '/' && f[1] == '#')
        return 1; /* 4.7.1.2: "sport/#" matches "sport" too */
    return f == f_end && t == t_end;
}
