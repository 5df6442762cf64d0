/* Halves of a map's channels: even and odd ones taken apart and put back, and two halves side by side.
 *
 * Shapes: whole (rows, 2 * half), contiguous; a half (rows, half), its rows `stride` floats apart.
 * Rows are all pixels of all images (NHWC).
 */
#include <string.h>

/* Rows per task: a part of the first-level cache. */
static long rows_of(int half)
{
    return 4096 / half + 1;
}

static void split_rows(const float *restrict whole, long rows, int half, float *restrict even,
                       float *restrict odd)
{
    for (long i = 0; i < rows * half; i++) {
        even[i] = whole[2 * i];
        odd[i] = whole[2 * i + 1];
    }
}

static void interleave_row(const float *restrict even, const float *restrict odd, int half,
                           float *restrict whole)
{
    for (int c = 0; c < half; c++) {
        whole[2 * c] = even[c];
        whole[2 * c + 1] = odd[c];
    }
}

void halves_split(const float *whole, long rows, int half, float *even, float *odd, int threads)
{
    long step = rows_of(half);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long row = 0; row < rows; row += step) {
        long count = rows - row < step ? rows - row : step;
        split_rows(whole + 2 * row * half, count, half, even + row * half, odd + row * half);
    }
}

void halves_interleave(const float *even, long even_stride, const float *odd, long odd_stride,
                       long rows, int half, float *whole, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long row = 0; row < rows; row++)
        interleave_row(even + row * even_stride, odd + row * odd_stride, half,
                       whole + 2 * row * half);
}

void halves_join(const float *first, const float *second, long rows, int half, float *whole,
                 int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long row = 0; row < rows; row++) {
        memcpy(whole + 2 * row * half, first + row * half, half * sizeof(float));
        memcpy(whole + (2 * row + 1) * half, second + row * half, half * sizeof(float));
    }
}
