/* Gradient of the weights of a depthwise convolution, channels last.
 *
 * dweight[ky, kx, c] = sum over images and outputs (y, x) of
 *     gradient[y, x, c] * input[y * stride + ky - pad, x * stride + kx - pad, c]
 * Every 16 channels are one vector, whose sums for a row of the kernel stay in registers.
 *
 * Shapes: input (images, height, width, channels); gradient (images, rows, columns, channels);
 * partial (images, kernel, kernel, channels), one sum per image, so that the number of threads
 * changes nothing.
 */
#define LANES 16

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

typedef struct {
    int height, width, rows, columns, channels, stride;
} Shape;

/* Sums of one row of the kernel over one image, for the channels that `input` starts at. */
static inline void sum_kernel_row(const float *input, const float *gradient, Shape s, int ky,
                                  int kernel, float *partial)
{
    int pad = kernel / 2;
    Vector sums[5] = {{0}};
    for (int row = 0; row < s.rows; row++) {
        int y = row * s.stride + ky - pad;
        if (y < 0 || y >= s.height)
            continue;
        const float *line = input + (long)y * s.width * s.channels;
        const float *out = gradient + (long)row * s.columns * s.channels;
        for (int column = 0; column < s.columns; column++, out += s.channels) {
            Vector d = *(const Vector *)out;
            int left = column * s.stride - pad;
#pragma GCC unroll 5
            for (int kx = 0; kx < kernel; kx++) {
                int x = left + kx;
                if (x >= 0 && x < s.width)
                    sums[kx] += d * *(const Vector *)(line + (long)x * s.channels);
            }
        }
    }
    for (int kx = 0; kx < kernel; kx++)
        *(Vector *)(partial + ((long)ky * kernel + kx) * s.channels) = sums[kx];
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
        for (int start = 0; start < channels; start += LANES) {
            /* The last vector overlaps the one before and writes the same sums again. */
            int c = start + LANES > channels ? channels - LANES : start;
            for (int ky = 0; ky < kernel; ky++) {
                if (kernel == 5)
                    sum_kernel_row(in + c, out + c, shape, ky, 5, sums + c);
                else
                    sum_kernel_row(in + c, out + c, shape, ky, 3, sums + c);
            }
        }
    }
}
