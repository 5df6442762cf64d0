/* PSRoIAlign with mean reduction, forward and backward; models/thundernet/psroi_align.py defines it.
 *
 * Each bin of an RoI reads few cells, so the rows of a channels-last map are read where they lie;
 * the products of whole rows that torch needs instead move a hundred times as much memory.
 *
 * Shapes: features (images, height, width, bins * bins * depth); rois (images, rois, 4) in cells;
 * pooled (images, rois, bins * bins * depth). Images are shared among threads, so no two add to
 * the same cell.
 */
#include <math.h>
#include <string.h>

#define SAMPLES 2 /* bilinear samples per bin and axis */
#define MIN_SIZE 0.1f
#define MAX_BINS 16
#define MAX_TAPS (2 * SAMPLES)

/* The cells that one bin reads along one axis. */
typedef struct {
    int count;
    int cell[MAX_TAPS];
    float weight[MAX_TAPS];
} Taps;

static void add_tap(Taps *taps, int cell, float weight)
{
    if (weight == 0)
        return;
    int last = taps->count - 1;
    if (last >= 0 && taps->cell[last] == cell) {
        taps->weight[last] += weight;
    } else {
        taps->cell[taps->count] = cell;
        taps->weight[taps->count++] = weight;
    }
}

static void find_taps(float start, float end, int cells, int bins, Taps *taps)
{
    float step = fmaxf(end - start, MIN_SIZE) / (bins * SAMPLES);
    for (int bin = 0; bin < bins; bin++) {
        taps[bin].count = 0;
        for (int sample = 0; sample < SAMPLES; sample++) {
            float position = start + (bin * SAMPLES + sample + 0.5f) * step;
            if (position < -1 || position > cells)
                continue;
            position = fminf(fmaxf(position, 0), cells - 1);
            int low = (int)position;
            float part = position - low;
            add_tap(&taps[bin], low, (1 - part) / SAMPLES);
            add_tap(&taps[bin], low + 1, part / SAMPLES); /* beyond the last cell it weighs 0 */
        }
    }
}

typedef struct {
    Taps y[MAX_BINS], x[MAX_BINS];
} RoiTaps;

static void find_roi_taps(const float *roi, int height, int width, int bins, RoiTaps *taps)
{
    find_taps(roi[1], roi[3], height, bins, taps->y);
    find_taps(roi[0], roi[2], width, bins, taps->x);
}

void psroi_align_forward(const float *features, const float *rois, float *pooled, int images,
                         int height, int width, int bins, int depth, int rois_per_image,
                         int threads)
{
    int channels = bins * bins * depth;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int image = 0; image < images; image++) {
        const float *map = features + (long)image * height * width * channels;
        for (int r = 0; r < rois_per_image; r++) {
            long row = (long)image * rois_per_image + r;
            RoiTaps taps;
            find_roi_taps(rois + row * 4, height, width, bins, &taps);
            float *out = pooled + row * channels;
            memset(out, 0, channels * sizeof(float));
            for (int i = 0; i < bins; i++)
                for (int j = 0; j < bins; j++, out += depth)
                    for (int a = 0; a < taps.y[i].count; a++)
                        for (int b = 0; b < taps.x[j].count; b++) {
                            long cell = (long)taps.y[i].cell[a] * width + taps.x[j].cell[b];
                            float weight = taps.y[i].weight[a] * taps.x[j].weight[b];
                            const float *in = map + cell * channels + (i * bins + j) * depth;
                            for (int d = 0; d < depth; d++)
                                out[d] += weight * in[d];
                        }
        }
    }
}

void psroi_align_backward(const float *gradient, const float *rois, float *dfeatures, int images,
                          int height, int width, int bins, int depth, int rois_per_image,
                          int threads)
{
    int channels = bins * bins * depth;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int image = 0; image < images; image++) {
        float *map = dfeatures + (long)image * height * width * channels;
        memset(map, 0, (long)height * width * channels * sizeof(float));
        for (int r = 0; r < rois_per_image; r++) {
            long row = (long)image * rois_per_image + r;
            RoiTaps taps;
            find_roi_taps(rois + row * 4, height, width, bins, &taps);
            const float *in = gradient + row * channels;
            for (int i = 0; i < bins; i++)
                for (int j = 0; j < bins; j++, in += depth)
                    for (int a = 0; a < taps.y[i].count; a++)
                        for (int b = 0; b < taps.x[j].count; b++) {
                            long cell = (long)taps.y[i].cell[a] * width + taps.x[j].cell[b];
                            float weight = taps.y[i].weight[a] * taps.x[j].weight[b];
                            float *out = map + cell * channels + (i * bins + j) * depth;
                            for (int d = 0; d < depth; d++)
                                out[d] += weight * in[d];
                        }
        }
    }
}
