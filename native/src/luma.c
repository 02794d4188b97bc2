/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ganglion.h"

/* Steps from 0 to `length` in `parts` parts that differ by one at most: where each begins is a whole part of that, and
 * dividing once is enough. */
typedef struct {
    size_t whole, rest, parts;
    size_t at, over;
} steps;

static steps steps_of(size_t length, size_t parts) {
    return (steps){.whole = length / parts, .rest = length % parts, .parts = parts};
}

/* Where the next part ends; it has one at least, which it may share with those beside it. */
static size_t step(steps *of) {
    size_t from = of->at;
    of->at += of->whole;
    if ((of->over += of->rest) >= of->parts) {
        of->over -= of->parts;
        of->at++;
    }
    return of->at > from ? of->at : from + 1;
}

/* Columns whose sums are made at a time: many enough to make them many at once, few enough for any thread's stack. */
enum { COLUMNS = 512 };

/* Adds rows to sums that have room for 257 of them. */
static inline void add_rows(const gg_picture *picture, size_t pixel, size_t top, size_t bottom, size_t left,
                            size_t columns, uint16_t *sums) {
    for (size_t row = top; row < bottom; row++) {
        const uint8_t *first = picture->first + row * picture->row + left * pixel;
        for (size_t i = 0; i < columns; i++)
            sums[i] += first[i * pixel];
    }
}

/* The sums of some columns of some rows. Sixteen bits at a time are twice as fast as 32, and seldom do not suffice. */
static void sum(const gg_picture *picture, size_t top, size_t bottom, size_t left, size_t columns, uint32_t *sums) {
    for (size_t i = 0; i < columns; i++)
        sums[i] = 0;
    for (size_t end = top; top < bottom; top = end) {
        uint16_t some[COLUMNS] = {0};
        end = bottom - top > 257 ? top + 257 : bottom;
        if (picture->pixel == 1) /* with a constant the compiler takes many at once */
            add_rows(picture, 1, top, end, left, columns, some);
        else if (picture->pixel == 2)
            add_rows(picture, 2, top, end, left, columns, some);
        else
            add_rows(picture, picture->pixel, top, end, left, columns, some);
        for (size_t i = 0; i < columns; i++)
            sums[i] += some[i];
    }
}

void gg_luma_reduce(const gg_picture *picture, uint8_t *plane, size_t width, size_t height) {
    uint32_t sums[COLUMNS];
    steps down = steps_of(picture->height, height);
    for (size_t y = 0; y < height; y++, plane += width) {
        size_t top = down.at, bottom = step(&down), ready = 0, left = 0;
        steps across = steps_of(picture->width, width);
        for (size_t x = 0; x < width; x++) {
            size_t first = across.at, last = step(&across);
            uint32_t total = 0;
            const uint32_t count = (uint32_t)((bottom - top) * (last - first));
            while (first < last) { /* once, but where one byte stands for more columns than are summed at a time */
                if (first < left || (last > ready && ready < picture->width)) {
                    left = first;
                    ready = left + COLUMNS < picture->width ? left + COLUMNS : picture->width;
                    sum(picture, top, bottom, left, ready - left, sums);
                }
                size_t end = last < ready ? last : ready;
                for (; first < end; first++)
                    total += sums[first - left];
            }
            /* Half more than whole, so that what is whole stays so: a division would take longer than all of the rest. */
            plane[x] = (uint8_t)((total + count / 2 + 0.5) * (1.0 / count));
        }
    }
}

double gg_luma_mean(const uint8_t *plane, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += plane[i];
    return count ? (double)sum / (double)count : 0.0;
}

double gg_luma_texture(const uint8_t *plane, size_t width, size_t height) {
    uint64_t sum = 0;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 1; x < width; x++) {
            int difference = plane[y * width + x] - plane[y * width + x - 1];
            sum += (uint64_t)(difference < 0 ? -difference : difference);
        }
    return width > 1 && height ? (double)sum / (double)((width - 1) * height) : 0.0;
}

int gg_luma_lighter(const uint8_t *before, const uint8_t *after, size_t count) {
    size_t counts[511] = {0}, passed = 0;
    for (size_t i = 0; i < count; i++)
        counts[255 + after[i] - before[i]]++;
    int place = 0;
    while (place < 510 && (passed += counts[place]) <= count / 2)
        place++;
    return count ? place - 255 : 0;
}

size_t gg_luma_motion(const uint8_t *before, const uint8_t *after, size_t count, int threshold, int lighter) {
    size_t changed = 0;
    for (size_t i = 0; i < count; i++) {
        int difference = after[i] - before[i] - lighter;
        changed += difference > threshold || -difference > threshold;
    }
    return changed;
}
