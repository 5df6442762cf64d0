/* Gradient of the weights of a depthwise convolution, channels last.
 *
 * dweight[ky, kx, c] = sum over images and outputs (y, x) of
 *     gradient[y, x, c] * input[y * stride + ky - pad, x * stride + kx - pad, c]
 * Every 16 channels are one block, whose sums for a row of the kernel stay in registers. Rows of the
 * output are the outer loop, so that the rows of the input that a kernel covers are read while they
 * are in the second-level cache.
 *
 * Shapes: input (images, height, width, channels); gradient (images, rows, columns, channels);
 * partial (images, kernel, kernel, channels), one sum per image, so that the number of threads
 * changes nothing.
 */
#include <string.h>

#ifdef __AVX512F__
#define LANES 16 /* floats of a vector register: a compiler keeps wider vectors in memory */
#else
#define LANES 8
#endif
#define BLOCK 16 /* channels: enough sums at once that no addition waits for the one before */
#define VECTORS (BLOCK / LANES)

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));
typedef int Mask __attribute__((vector_size(LANES * sizeof(int)), aligned(sizeof(int))));

typedef struct {
    int height, width, rows, columns, channels, stride;
} Shape;

/* Adds one column of the output; unless `inside`, parts of the kernel may lie outside the input. */
INLINE void add_column(const float *line, const Vector *d, Shape s, int left, int kernel, int inside,
                       Vector (*sums)[VECTORS])
{
#pragma GCC unroll 5
    for (int kx = 0; kx < kernel; kx++)
        if (inside || (left + kx >= 0 && left + kx < s.width)) {
            const Vector *value = (const Vector *)(line + (long)(left + kx) * s.channels);
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                sums[kx][v] += d[v] * value[v];
        }
}

/* Adds one row of the output to one row of the kernel, for the block that the pointers point at. */
INLINE void add_row(const float *line, const float *gradient, Shape s, int kernel, const Mask *mask,
                    float *partial)
{
    int pad = kernel / 2;
    Vector sums[5][VECTORS];
#pragma GCC unroll 5
    for (int kx = 0; kx < kernel; kx++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            sums[kx][v] = ((const Vector *)(partial + (long)kx * s.channels))[v];
    for (int column = 0; column < s.columns; column++, gradient += s.channels) {
        Vector d[VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            d[v] = (Vector)((Mask)((const Vector *)gradient)[v] & mask[v]);
        int left = column * s.stride - pad;
        if (left >= 0 && left + kernel <= s.width)
            add_column(line, d, s, left, kernel, 1, sums);
        else
            add_column(line, d, s, left, kernel, 0, sums);
    }
#pragma GCC unroll 5
    for (int kx = 0; kx < kernel; kx++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            ((Vector *)(partial + (long)kx * s.channels))[v] = sums[kx][v];
}

INLINE void add_image(const float *input, const float *gradient, float *partial, Shape s, int kernel)
{
    int pad = kernel / 2;
    memset(partial, 0, (long)kernel * kernel * s.channels * sizeof(float));
    for (int row = 0; row < s.rows; row++)
        for (int start = 0; start < s.channels; start += BLOCK) {
            int c = start + BLOCK > s.channels ? s.channels - BLOCK : start;
            Mask mask[VECTORS]; /* the last block overlaps the one before, which has added those */
            for (int lane = 0; lane < BLOCK; lane++)
                mask[lane / LANES][lane % LANES] = c + lane >= start ? -1 : 0;
            const float *out = gradient + (long)row * s.columns * s.channels + c;
            for (int ky = 0; ky < kernel; ky++) {
                int y = row * s.stride + ky - pad;
                if (y >= 0 && y < s.height)
                    add_row(input + (long)y * s.width * s.channels + c, out, s, kernel, mask,
                            partial + (long)ky * kernel * s.channels + c);
            }
        }
}

/* `kernel` is 3 or 5, `channels` at least 16. */
void depthwise_weight_gradient(const float *input, const float *gradient, float *partial,
                               int images, int height, int width, int rows, int columns,
                               int channels, int kernel, int stride, int threads)
{
    Shape shape = {height, width, rows, columns, channels, stride};
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int image = 0; image < images; image++) {
        const float *in = input + (long)image * height * width * channels;
        const float *out = gradient + (long)image * rows * columns * channels;
        float *sums = partial + (long)image * kernel * kernel * channels;
        if (kernel == 5)
            add_image(in, out, sums, shape, 5);
        else
            add_image(in, out, sums, shape, 3);
    }
}
