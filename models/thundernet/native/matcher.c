/* Which of many boxes are objects, background or neither, by their overlap with the true boxes.
 *
 * The IoU of each pair is computed twice, in registers, instead of once into a tensor of all pairs
 * that a dozen passes go through.
 *
 * Shapes: boxes (images or 1, count, 4) xyxy; truth (images, objects, 4); labels (images, objects);
 * assignment (images, count); best_from (images, objects).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 8
#define IGNORE (-1)

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));
typedef int Mask __attribute__((vector_size(LANES * sizeof(int)), aligned(sizeof(int))));

typedef struct {
    float fg_iou, bg_iou, best_iou; /* best_iou is infinite where no best match counts */
    float tie, epsilon, coverage;
} Rules;

/* Boxes in columns, and what is known of each; `padded` to whole vectors by boxes without area. */
typedef struct {
    long padded;
    float *x1, *y1, *x2, *y2, *area, *highest; /* (padded,) each */
    int *is_best, *is_covered;
} Boxes;

INLINE Vector choose(Mask which, Vector then, Vector otherwise)
{
    return (Vector)((which & (Mask)then) | (~which & (Mask)otherwise));
}

INLINE Vector larger(Vector a, Vector b)
{
    return choose(a > b, a, b);
}

INLINE Vector smaller(Vector a, Vector b)
{
    return choose(a < b, a, b);
}

INLINE Vector at(const float *column, long l)
{
    return *(const Vector *)(column + l);
}

INLINE Vector overlap(Boxes b, long l, const float *box)
{
    Vector none = {0};
    Vector width = smaller(at(b.x2, l), none + box[2]) - larger(at(b.x1, l), none + box[0]);
    Vector height = smaller(at(b.y2, l), none + box[3]) - larger(at(b.y1, l), none + box[1]);
    return larger(width, none) * larger(height, none);
}

INLINE Vector iou_with(Boxes b, long l, const float *box, float epsilon)
{
    Vector inter = overlap(b, l, box), none = {0};
    float area = (box[2] - box[0]) * (box[3] - box[1]);
    return inter / larger(area + at(b.area, l) - inter, none + epsilon);
}

/* The highest IoU of one object; raises that of the boxes. */
static float find_highest(Boxes b, const float *box, float epsilon)
{
    Vector most = {0};
    for (long l = 0; l < b.padded; l += LANES) {
        Vector iou = iou_with(b, l, box, epsilon);
        *(Vector *)(b.highest + l) = larger(iou, at(b.highest, l));
        most = larger(iou, most);
    }
    float highest = 0;
    for (int lane = 0; lane < LANES; lane++)
        highest = fmaxf(highest, most[lane]);
    return highest;
}

static void mark_best(Boxes b, const float *box, float from, float epsilon)
{
    for (long l = 0; l < b.padded; l += LANES)
        *(Mask *)(b.is_best + l) |= iou_with(b, l, box, epsilon) >= from;
}

static void mark_covered(Boxes b, const float *box, Rules rules)
{
    Vector none = {0};
    for (long l = 0; l < b.padded; l += LANES) {
        Vector part = overlap(b, l, box) / larger(at(b.area, l), none + rules.epsilon);
        *(Mask *)(b.is_covered + l) |= part > rules.coverage;
    }
}

static void match_image(Boxes b, const float *boxes, long count, const float *truth,
                        const int64_t *labels, int objects, Rules rules, int64_t *assignment,
                        float *best_from)
{
    memset(b.x1, 0, 8 * b.padded * sizeof(float)); /* all columns are one block */
    for (long l = 0; l < count; l++) {
        const float *box = boxes + 4 * l;
        b.x1[l] = box[0], b.y1[l] = box[1], b.x2[l] = box[2], b.y2[l] = box[3];
        b.area[l] = (box[2] - box[0]) * (box[3] - box[1]);
    }
    for (int m = 0; m < objects; m++) {
        float highest = labels[m] > 0 ? find_highest(b, truth + 4 * m, rules.epsilon) : 0;
        best_from[m] = highest >= rules.best_iou ? highest - rules.tie : INFINITY;
        if (labels[m] == IGNORE)
            mark_covered(b, truth + 4 * m, rules);
    }
    for (int m = 0; m < objects; m++)
        if (best_from[m] < INFINITY)
            mark_best(b, truth + 4 * m, best_from[m], rules.epsilon);
    for (long l = 0; l < count; l++) {
        int is_background = b.highest[l] < rules.bg_iou && !b.is_covered[l];
        int is_object = b.highest[l] >= rules.fg_iou || b.is_best[l];
        assignment[l] = is_object ? 1 : is_background ? 0 : IGNORE;
    }
}

/* Returns 0, or 1 without memory. `stride` is that of boxes between images: 0 where they share. */
int match_boxes(const float *boxes, long stride, long count, const float *truth,
                const int64_t *labels, int images, int objects, float fg_iou, float bg_iou,
                float best_iou, float tie, float epsilon, float coverage, int64_t *assignment,
                float *best_from, int threads)
{
    Rules rules = {fg_iou, bg_iou, best_iou, tie, epsilon, coverage};
    int failed = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : failed)
    for (int n = 0; n < images; n++) {
        long padded = (count + LANES - 1) / LANES * LANES;
        float *block = malloc(8 * padded * sizeof(float) + 1);
        failed |= !block;
        if (!block)
            continue;
        Boxes b = {padded,
                   block,
                   block + padded,
                   block + 2 * padded,
                   block + 3 * padded,
                   block + 4 * padded,
                   block + 5 * padded,
                   (int *)(block + 6 * padded),
                   (int *)(block + 7 * padded)};
        match_image(b, boxes + n * stride, count, truth + (long)n * objects * 4,
                    labels + (long)n * objects, objects, rules, assignment + n * count,
                    best_from + (long)n * objects);
        free(block);
    }
    return failed;
}
