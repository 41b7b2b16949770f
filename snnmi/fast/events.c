/* A spiking network as events: at a step a rate-coded image differs from round(x) at few pixels; only those are added.
 *
 * Neurons are taken in blocks of 64 and pixels in pieces, so that the weights from a piece to a block lie in the L2 cache
 * while all images pass. The input currents of a block stay in registers, its spikes are the bits of a word. Every sum has
 * one order: results depend neither on the number of threads nor on the processor. Vectors are the compiler's.
 *
 * N images, P pixels, T steps, H hidden neurons, C classes. A pixel is up if it rounds to 1; a flip is a step at which it
 * is not what it rounds to. A part is one image's share of one piece; `draw` says how its events are kept. events.py and
 * membranes.py call.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX__
#define L 8 /* numbers in a vector */
#else
#define L 4
#endif
enum { BLOCK = 64, V = BLOCK / L, CLASSES = 16, LANES = 16, AHEAD = 4 };
typedef float vf __attribute__((vector_size(4 * L), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * L), aligned(4), may_alias));
typedef uint8_t vb __attribute__((vector_size(L)));
typedef int64_t size;
#define EACH(j, n) _Pragma("GCC unroll 16") for (int j = 0; j < (n); j++)

static size least(size a, size b) { return a < b ? a : b; }
static size parts(size whole, size part) { return (whole + part - 1) / part; }
static void *room(size bytes) { return aligned_alloc(64, parts(bytes, 64) * 64); }

/* Philox4x32-10 (Salmon et al. 2011): LANES counters in, as many times four random words out. */
void philox(uint32_t c[4][LANES], uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
        for (int l = 0; l < LANES; l++) {
            uint64_t a = (uint64_t)c[0][l] * 0xD2511F53, b = (uint64_t)c[2][l] * 0xCD9E8D57;
            c[0][l] = (uint32_t)(b >> 32) ^ c[1][l] ^ k0;
            c[2][l] = (uint32_t)(a >> 32) ^ c[3][l] ^ k1;
            c[1][l] = (uint32_t)b;
            c[3][l] = (uint32_t)a;
        }
}

/* The events of each part: in its row of `list` the pixels, counted from the piece's first, that are up, then for each step
 * those that flip up and those that flip down; in its row of `start`, 2 T + 2 numbers, where each of these lists begins and
 * the last one ends. A pixel spikes where a word is below ceil(x 2^32). The words are Philox's at (pixel, image, step / 4, 0),
 * `image` being the images' numbers, or else those of `fixed`, " time pixels". */
void draw(const float *x, const size *image, size N, size P, size T, size piece, uint64_t key, const uint32_t *fixed,
          uint16_t *list, int32_t *start, size threads) {
    size pieces = parts(P, piece), wide = piece + LANES;
#pragma omp parallel num_threads(threads)
    {
        uint16_t *flips = room(2 * T * wide * 2), *between = room(2 * wide * 2);
        uint32_t *rare = room(2 * wide * 4);
        int32_t *count = room(2 * T * 4);
#pragma omp for schedule(static)
        for (size u = 0; u < N * pieces; u++) {
            size n = u / pieces, first = u % pieces * piece, here = least(piece, P - first), found[2] = {0}, end = 0;
            uint16_t *row = list + u * piece * (T + 1);
            for (size p = 0; p < here; p++) {
                float v = x[n * P + first + p];
                if (!(v > 0)) continue;
                int up = v > 0.5f;
                if (up) row[end++] = p;
                if (v >= 1) continue;
                uint32_t spike = (uint32_t)ceilf(v * 4294967296.0f);
                between[up * wide + found[up]] = p;
                rare[up * wide + found[up]++] = up ? -spike : spike; /* word >= spike is ~word < 2^32 - spike */
            }
            memset(count, 0, 2 * T * 4);
            for (int up = 0; up < 2; up++)
                for (size i = 0; i < found[up]; i += LANES) {
                    uint16_t pixel[LANES];
                    uint32_t below[LANES], c[4][LANES];
                    for (int l = 0; l < LANES; l++) {
                        int real = i + l < found[up];
                        pixel[l] = real ? between[up * wide + i + l] : 0;
                        below[l] = real ? rare[up * wide + i + l] : 0;
                    }
                    for (size t = 0; t < T; t += 4) {
                        for (int l = 0; l < LANES; l++) {
                            c[0][l] = first + pixel[l], c[1][l] = image[n], c[2][l] = t / 4, c[3][l] = 0;
                            for (int s = 0; fixed && s < least(4, T - t); s++) c[s][l] = fixed[(t + s) * P + first + pixel[l]];
                        }
                        if (!fixed) philox(c, (uint32_t)key, (uint32_t)(key >> 32));
                        for (int s = 0; s < least(4, T - t); s++) {
                            size k = 2 * (t + s) + up;
                            uint16_t *to = flips + k * wide + count[k], *from = to;
                            for (int l = 0; l < LANES; l++) {
                                *to = pixel[l];
                                to += (c[s][l] ^ -(uint32_t)up) < below[l];
                            }
                            count[k] += to - from;
                        }
                    }
                }
            start[u * (2 * T + 2)] = 0;
            for (size k = 0; k < 2 * T; end += count[k++]) {
                start[u * (2 * T + 2) + 1 + k] = end;
                memcpy(row + end, flips + k * wide, count[k] * 2);
            }
            start[u * (2 * T + 2) + 1 + 2 * T] = end;
        }
        free(flips), free(between), free(rare), free(count);
    }
}

/* The same of spikes that are written out, 0 or 1, " time batch pixels": none is up, each is a flip. */
void find(const float *spikes, size N, size P, size T, size piece, uint16_t *list, int32_t *start, size threads) {
    size pieces = parts(P, piece);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size u = 0; u < N * pieces; u++) {
        size first = u % pieces * piece, here = least(piece, P - first), end = 0;
        uint16_t *row = list + u * piece * (T + 1);
        int32_t *at = start + u * (2 * T + 2);
        *at++ = 0, *at++ = 0;
        for (size t = 0; t < T; t++) {
            const float *from = spikes + (t * N + u / pieces) * P + first;
            for (size p = 0; p < here; p++) {
                row[end] = p;
                end += from[p] != 0;
            }
            *at++ = end, *at++ = end;
        }
    }
}

/* The spikes themselves, " time batch pixels". */
void spikes(const uint16_t *list, const int32_t *start, size N, size P, size T, size piece, float *out, size threads) {
    size pieces = parts(P, piece);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size u = 0; u < N * pieces; u++)
        for (size t = 0; t < T; t++) {
            size first = u % pieces * piece;
            const uint16_t *row = list + u * piece * (T + 1);
            const int32_t *at = start + u * (2 * T + 2), *step = at + 1 + 2 * t;
            float *to = out + (t * N + u / pieces) * P + first;
            memset(to, 0, least(piece, P - first) * 4);
            for (int32_t e = 0; e < at[1]; e++) to[row[e]] = 1;
            for (int32_t e = step[0]; e < step[2]; e++) to[row[e]] = e < step[1];
        }
}

/* sum += the rows of a table, BLOCK wide, that a list names from `at` to the next; `less` subtracts them. What is read
 * AHEAD of its turn comes from the L2 cache a sixth sooner; the rest of a row comes by itself. */
static inline void more(vf sum[V], const float *table, const uint16_t *list, const int32_t *at) {
    for (const uint16_t *e = list + at[0]; e < list + at[1]; e++) {
        const vf *row = (const vf *)(table + (size)*e * BLOCK);
        __builtin_prefetch(table + (size)e[AHEAD] * BLOCK);
        EACH(j, V) sum[j] += row[j];
    }
}
static inline void less(vf sum[V], const float *table, const uint16_t *list, const int32_t *at) {
    for (const uint16_t *e = list + at[0]; e < list + at[1]; e++) {
        const vf *row = (const vf *)(table + (size)*e * BLOCK);
        __builtin_prefetch(table + (size)e[AHEAD] * BLOCK);
        EACH(j, V) sum[j] -= row[j];
    }
}

/* One step of a block: mem becomes beta mem + current, less height where it spiked; its spikes as a word, a byte for the
 * neurons whose numbers leave the same rest when divided by 8. An infinite height: a spike leaves nothing of the membrane. */
static inline uint64_t fire(vf mem[V], vi spk[V], const vf current[V], float beta, float threshold, float height) {
    vf lower = (vf){0} + (isinf(height) ? 0 : height);
    if (isinf(height)) EACH(j, V) mem[j] = (vf)((vi)mem[j] & ~spk[j]);
    vi bits[8 / L] = {{0}};
    EACH(j, V) {
        mem[j] = beta * mem[j] + current[j] - (vf)(spk[j] & (vi)lower);
        spk[j] = mem[j] > threshold;
        bits[j % (8 / L)] |= spk[j] & (1 << j / (8 / L));
    }
    uint8_t bytes[8];
    EACH(i, 8 / L) *(vb *)(bytes + i * L) = __builtin_convertvector(bits[i], vb);
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}
static int neuron(int bit) { return bit % 8 * 8 + bit / 8; } /* of its block */

/* Table " pixels BLOCK" of a block's weights, which begin at p in rows h to h + rows of " H P"; and back. */
static void pack(float *table, const float *weight, size rows, size pixels, size P) {
    for (size p = 0; p < pixels; p += L)
        for (size j = 0; j < BLOCK; j++)
            for (size q = p; q < least(p + L, pixels); q++) table[q * BLOCK + j] = j < rows ? weight[j * P + q] : 0;
}
static void unpack(const float *table, float *weight, size rows, size P) {
    for (size p = 0; p < P; p += L)
        for (size j = 0; j < rows; j++)
            for (size q = p; q < least(p + L, P); q++) weight[j * P + q] = table[q * BLOCK + j];
}

/* Spikes of the hidden layer, words " block batch time"; unless `kept` is null its membranes too, " block batch time BLOCK". */
void hidden(const uint16_t *list, const int32_t *start, size N, size P, size T, size piece, const float *weight,
            const float *bias, size H, float beta, float threshold, float height, uint64_t *words, float *kept, size threads) {
    size pieces = parts(P, piece);
#pragma omp parallel num_threads(threads)
    {
        float *table = room(piece * BLOCK * 4), *own = kept || pieces == 1 ? NULL : room(N * T * BLOCK * 4);
#pragma omp for schedule(dynamic, 1)
        for (size b = 0; b < parts(H, BLOCK); b++) {
            size rows = least(BLOCK, H - b * BLOCK);
            vf *sums = (vf *)(kept ? kept + b * N * T * BLOCK : own), rest[V];
            for (size k = 0; k < pieces; k++) {
                pack(table, weight + b * BLOCK * P + k * piece, rows, least(piece, P - k * piece), P);
                memset(rest, 0, sizeof rest);
                if (k == 0) memcpy(rest, bias + b * BLOCK, rows * 4);
                for (size n = 0; n < N; n++) {
                    const uint16_t *row = list + (n * pieces + k) * piece * (T + 1);
                    const int32_t *at = start + (n * pieces + k) * (2 * T + 2);
                    vf base[V], mem[V];
                    vi spk[V];
                    EACH(j, V) base[j] = rest[j], mem[j] = (vf){0}, spk[j] = (vi){0};
                    more(base, table, row, at++);
                    for (size t = 0; t < T; t++, at += 2) {
                        vf *sum = sums + (n * T + t) * V, current[V];
                        EACH(j, V) current[j] = base[j];
                        if (k) EACH(j, V) current[j] += sum[j];
                        more(current, table, row, at);
                        less(current, table, row, at + 1);
                        if (k == pieces - 1) {
                            words[(b * N + n) * T + t] = fire(mem, spk, current, beta, threshold, height);
                            EACH(j, V) current[j] = mem[j];
                        }
                        if (sums) EACH(j, V) sum[j] = current[j];
                    }
                }
            }
        }
        free(table), free(own);
    }
}

/* `hidden` for images of which many pixels flip, by the method of the four Russians (Arlazarov et al., 1970): the sums of all
 * subsets of the weights from eight pixels to WIDE neurons, a cache line each, are written down, and a step of an image, a byte,
 * looks its own up. EIGHTS such tables lie in the L2 cache while all images pass; a spare line between them keeps their first
 * lines, which are wanted most, out of each other's place in it. Past the last pixel only first lines are asked for: zeros. */
enum { EIGHTS = 8, WIDE = 16, W = WIDE / L, LINES = 256 + 1 };

static void add_up(float *table, const float *weight, size rows, size pixels, size P) {
    for (size p = 0; p < least(pixels, 8 * EIGHTS); p += 8, table += LINES * WIDE) {
        vf *sum = (vf *)table, one[W];
        EACH(j, W) sum[j] = (vf){0};
        for (size i = 0, known = 1; i < 8; i++, known *= 2) {
            float *row = (float *)one;
            for (size j = 0; j < WIDE; j++) row[j] = j < rows && p + i < pixels ? weight[j * P + p + i] : 0;
            for (size k = 0; k < known; k++) EACH(j, W) sum[(known + k) * W + j] = sum[k * W + j] + one[j];
        }
    }
}
/* sums, " row WIDE", += what these bytes, " row EIGHTS", find: those of even and of odd tables side by side. */
static void look_up(float *sums, const uint8_t *bytes, const float *table, size rows) {
    for (; rows > 0; rows--, sums += WIDE, bytes += EIGHTS) {
        vf even[W], odd[W];
        EACH(j, W) even[j] = ((vf *)sums)[j], odd[j] = (vf){0};
        EACH(g, EIGHTS / 2) {
            const float *two = table + 2 * g * LINES * WIDE;
            EACH(j, W) even[j] += ((vf *)(two + bytes[2 * g] * WIDE))[j];
            EACH(j, W) odd[j] += ((vf *)(two + (LINES + bytes[2 * g + 1]) * WIDE))[j];
        }
        EACH(j, W) ((vf *)sums)[j] = even[j] + odd[j];
    }
}

void tabled(const uint16_t *list, const int32_t *start, size N, size P, size T, size piece, const float *weight,
            const float *bias, size H, float beta, float threshold, float height, uint64_t *words, float *kept, size threads) {
    size pieces = parts(P, piece), strips = parts(P, 8 * EIGHTS), all = N * T;
    uint8_t *bytes = calloc(strips * all * EIGHTS + 1, 1); /* the spikes, " strip row EIGHTS" */
#pragma omp parallel num_threads(threads)
    {
        float *table = room(EIGHTS * LINES * WIDE * 4), *sums = room(all * BLOCK * 4); /* " BLOCK/WIDE row WIDE" */
        memset(table, 0, EIGHTS * LINES * WIDE * 4);
#pragma omp for schedule(static)
        for (size n = 0; n < N; n++)
            for (size u = n * pieces; u < (n + 1) * pieces; u++)
                for (size t = 0; t < T; t++) {
                    const uint16_t *row = list + u * piece * (T + 1);
                    const int32_t *at = start + u * (2 * T + 2), *step = at + 1 + 2 * t;
                    size first = u % pieces * piece, r = n * T + t;
                    for (int flips = 0; flips < 2; flips++) /* of what is up */
                        for (int32_t e = flips ? step[0] : 0; e < (flips ? step[2] : at[1]); e++) {
                            size p = first + row[e];
                            bytes[(p / (8 * EIGHTS) * all + r) * EIGHTS + p / 8 % EIGHTS] ^= 1 << p % 8;
                        }
                }
#pragma omp for schedule(dynamic, 1)
        for (size b = 0; b < parts(H, BLOCK); b++) {
            for (size h = b * BLOCK; h < (b + 1) * BLOCK; h += WIDE) {
                size rows = h < H ? least(WIDE, H - h) : 0;
                float *own = sums + (h - b * BLOCK) * all, first[WIDE] = {0};
                memcpy(first, bias + least(h, H), rows * 4);
                for (size r = 0; r < all; r++) memcpy(own + r * WIDE, first, sizeof first);
                for (size s = 0; s < strips && rows; s++) {
                    size p = s * 8 * EIGHTS;
                    add_up(table, weight + h * P + p, rows, P - p, P);
                    look_up(own, bytes + s * all * EIGHTS, table, all);
                }
            }
            for (size n = 0; n < N; n++) {
                vf mem[V], current[V];
                vi spk[V];
                EACH(j, V) mem[j] = (vf){0}, spk[j] = (vi){0};
                for (size t = 0; t < T; t++) {
                    size i = (b * N + n) * T + t;
                    EACH(j, V) current[j] = ((vf *)(sums + (j / W * all + n * T + t) * WIDE))[j % W];
                    words[i] = fire(mem, spk, current, beta, threshold, height);
                    if (kept) memcpy(kept + i * BLOCK, mem, sizeof mem);
                }
            }
        }
        free(table), free(sums);
    }
    free(bytes);
}

/* Spikes and membranes of the output layer, both " time batch classes", from the words of the hidden one. */
void output(const uint64_t *words, size N, size T, size H, size C, const float *weight, const float *bias, float beta,
            float threshold, float height, float *spk, float *mem, size threads) {
    size blocks = parts(H, BLOCK), chunks = parts(C, CLASSES);
    float *table = room(chunks * blocks * BLOCK * CLASSES * 4); /* the weights, " chunk bit class" */
    for (size c = 0; c < chunks * CLASSES; c++)
        for (size i = 0; i < blocks * BLOCK; i++) {
            size h = i / BLOCK * BLOCK + neuron(i % BLOCK), to = (c / CLASSES * blocks * BLOCK + i) * CLASSES + c % CLASSES;
            table[to] = c < C && h < H ? weight[c * H + h] : 0;
        }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size u = 0; u < N * chunks; u++) {
        size n = u / chunks, chunk = u % chunks, first = chunk * CLASSES;
        float m[CLASSES] = {0}, s[CLASSES] = {0};
        for (size t = 0; t < T; t++) {
            vf sum[CLASSES / L] = {{0}};
            for (size b = 0; b < blocks; b++)
                for (uint64_t word = words[(b * N + n) * T + t]; word; word &= word - 1) {
                    size bit = (chunk * blocks + b) * BLOCK + __builtin_ctzll(word);
                    EACH(j, CLASSES / L) sum[j] += ((vf *)(table + bit * CLASSES))[j];
                }
            for (size c = 0, to = (t * N + n) * C + first; c < least(CLASSES, C - first); c++, to++) {
                if (isinf(height) && s[c]) m[c] = s[c] = 0;
                float lower = s[c] ? height : 0;
                mem[to] = m[c] = beta * m[c] + (((float *)sum)[c] + bias[first + c]) - lower;
                spk[to] = s[c] = m[c] > threshold;
            }
        }
    }
    free(table);
}

/* The same events by group of images, piece and pixel: rows n (T + 1) + t of a group's table to be added, then those to be
 * subtracted. Row T of an image is the sum of its others. In `at`, 2 piece + 2 numbers, where each of these lists begins. */
static void sort(const uint16_t *list, const int32_t *start, size n0, size n1, size k, size pieces, size T, size piece,
                 uint16_t *plan, int32_t *at) {
    memset(at, 0, (2 * piece + 2) * 4);
    for (int fill = 0; fill < 2; fill++) {
        for (size u = n0 * pieces + k; u < n1 * pieces; u += pieces)
            for (size i = 0; i <= 2 * T; i++) {
                size row = (u / pieces - n0) * (T + 1) + (i ? (i - 1) / 2 : T), lost = i && i % 2 == 0;
                for (int32_t e = start[u * (2 * T + 2) + i]; e < start[u * (2 * T + 2) + i + 1]; e++) {
                    int32_t *next = at + 2 * list[u * piece * (T + 1) + e] + lost + 2 - fill;
                    if (fill) plan[*next] = row;
                    ++*next;
                }
            }
        for (size i = 1; !fill && i < 2 * piece + 2; i++) at[i] += at[i - 1];
    }
}

/* Gradients of all weights and biases from those of the output layer's spikes and membranes (either may be null). That of a
 * current is that of its membrane, dU[t] = dS[t] / (1 + slope |U[t] - threshold|)^2 + beta dU[t + 1]; that of a hidden weight
 * is a sum of these over its pixel's events. Images are taken in groups whose gradients fit the L2 cache; `plan` and `at` are
 * room for `sort`. */
void backward(const uint16_t *list, const int32_t *start, uint16_t *plan, int32_t *at, size N, size P, size T, size piece,
              size group, const uint64_t *words, const float *kept, size H, size C, const float *weight2, const float *mem2,
              const float *dspk2, const float *dmem2, float beta, float threshold, float slope, float *dweight, float *dbias,
              float *dweight2, float *dbias2, size threads) {
    size pieces = parts(P, piece), groups = parts(N, group), wide = parts(C, CLASSES) * CLASSES, rows = T + 1;
    float *dcurrent2 = room(N * T * wide * 4);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (size u = 0; u < N * wide; u++) {
            float d = 0;
            for (size n = u / wide, c = u % wide, t = T - 1; t >= 0; t--) {
                size i = (t * N + n) * C + c;
                float q = c < C ? 1 + slope * fabsf(mem2[i] - threshold) : 1;
                if (c < C) d = (dspk2 ? dspk2[i] / (q * q) : 0) + (dmem2 ? dmem2[i] : 0) + beta * d;
                dcurrent2[(n * T + t) * wide + c] = d;
            }
        }
#pragma omp for schedule(static)
        for (size c = 0; c < C; c++) {
            dbias2[c] = 0;
            for (size i = 0; i < N * T; i++) dbias2[c] += dcurrent2[i * wide + c];
        }
#pragma omp for schedule(dynamic, 1)
        for (size u = 0; u < groups * pieces; u++) {
            size n0 = u / pieces * group, n1 = least(n0 + group, N);
            sort(list, start, n0, n1, u % pieces, pieces, T, piece, plan + u * group * piece * rows, at + u * (2 * piece + 2));
        }
        float *table = room(group * rows * BLOCK * 4), *dw = room(P * BLOCK * 4);
        float *dw2 = room(BLOCK * wide * 4), *w2 = room(C * BLOCK * 4);
#pragma omp for schedule(dynamic, 1)
        for (size b = 0; b < parts(H, BLOCK); b++) {
            size here = least(BLOCK, H - b * BLOCK);
            vf db[V];
            EACH(j, V) db[j] = (vf){0};
            memset(dw, 0, P * BLOCK * 4), memset(dw2, 0, BLOCK * wide * 4), memset(w2, 0, C * BLOCK * 4);
            for (size c = 0; c < C; c++) memcpy(w2 + c * BLOCK, weight2 + c * H + b * BLOCK, here * 4);
            for (size g = 0; g < groups; g++) {
                for (size n = g * group; n < least((g + 1) * group, N); n++) {
                    vf d[V], all[V], *row = (vf *)table + (n - g * group) * rows * V;
                    EACH(j, V) d[j] = all[j] = (vf){0};
                    for (size t = T - 1; t >= 0; t--) {
                        const float *from = dcurrent2 + (n * T + t) * wide;
                        const vf *mem = (const vf *)kept + ((b * N + n) * T + t) * V;
                        vf dspk[V];
                        EACH(j, V) dspk[j] = (vf){0};
                        for (size c = 0; c < C; c++) EACH(j, V) dspk[j] += from[c] * ((vf *)w2)[c * V + j];
                        EACH(j, V) {
                            vf q = 1 + slope * (vf)((vi)(mem[j] - threshold) & 0x7fffffff); /* the sign bit off: |.| */
                            row[t * V + j] = d[j] = dspk[j] / (q * q) + beta * d[j];
                            all[j] += d[j];
                        }
                        for (uint64_t word = words[(b * N + n) * T + t]; word; word &= word - 1) {
                            float *to = dw2 + __builtin_ctzll(word) * wide;
                            for (size c = 0; c < wide; c++) to[c] += from[c];
                        }
                    }
                    EACH(j, V) row[T * V + j] = all[j], db[j] += all[j];
                }
                for (size p = 0; p < P; p++) {
                    size u = g * pieces + p / piece;
                    const int32_t *lists = at + u * (2 * piece + 2) + 2 * (p % piece);
                    vf sum[V], *to = (vf *)dw + p * V;
                    EACH(j, V) sum[j] = to[j];
                    more(sum, table, plan + u * group * piece * rows, lists);
                    less(sum, table, plan + u * group * piece * rows, lists + 1);
                    EACH(j, V) to[j] = sum[j];
                }
            }
            unpack(dw, dweight + b * BLOCK * P, here, P);
            memcpy(dbias + b * BLOCK, db, here * 4);
            for (int i = 0; i < BLOCK; i++)
                for (size c = 0; c < C && neuron(i) < here; c++) dweight2[c * H + b * BLOCK + neuron(i)] = dw2[i * wide + c];
        }
        free(table), free(dw), free(dw2), free(w2);
    }
    free(dcurrent2);
}

/* LIF neurons whose currents are written out, " T N", a step's `stride` numbers after the one before: 0 where one current
 * serves all steps. So many are taken at once that their steps stay in the L1 cache. An infinite height as in `fire`. */
enum { NEAR = 512 };

void lif(const float *current, size stride, size T, size N, float beta, float threshold, float height, float *spk, float *mem,
         size threads) {
    float zeroed = isinf(height), lowered = zeroed ? 0 : height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size n0 = 0; n0 < N; n0 += NEAR) {
        size n = least(NEAR, N - n0);
        for (size t = 0; t < T; t++) {
            const float *restrict in = current + t * stride + n0;
            float *restrict now = mem + t * N + n0, *restrict out = spk + t * N + n0;
            if (t) {
                const float *restrict u = now - N, *restrict s = out - N;
                for (size i = 0; i < n; i++) now[i] = beta * (u[i] - zeroed * s[i] * u[i]) + in[i] - lowered * s[i];
            } else
                memcpy(now, in, n * 4);
            for (size i = 0; i < n; i++) out[i] = now[i] > threshold;
        }
    }
}

/* The same, of which spikes alone are wanted: they overwrite the currents. */
void fire_in_place(float *current, size T, size N, float beta, float threshold, float height, size threads) {
    float zeroed = isinf(height), lowered = zeroed ? 0 : height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size n0 = 0; n0 < N; n0 += NEAR) {
        size n = least(NEAR, N - n0);
        float mem[NEAR];
        memcpy(mem, current + n0, n * 4);
        for (size t = 0; t < T; t++) {
            float *restrict now = current + t * N + n0;
            if (t) {
                const float *restrict s = now - N;
                for (size i = 0; i < n; i++) mem[i] = beta * (mem[i] - zeroed * s[i] * mem[i]) + now[i] - lowered * s[i];
            }
            for (size i = 0; i < n; i++) now[i] = mem[i] > threshold;
        }
    }
}

/* What the currents get of what spikes and membranes get, either of which may be NULL. */
void lif_backward(const float *mem, const float *dspk, const float *dmem, size T, size N, float beta, float threshold,
                  float slope, float *dcurrent, size threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size n0 = 0; n0 < N; n0 += NEAR) {
        size n = least(NEAR, N - n0);
        for (size t = T - 1; t >= 0; t--) {
            const float *restrict u = mem + t * N + n0, *restrict s = dspk ? dspk + t * N + n0 : NULL;
            const float *restrict m = dmem ? dmem + t * N + n0 : NULL;
            float *restrict d = dcurrent + t * N + n0;
            if (t + 1 < T) {
                const float *restrict later = d + N;
                for (size i = 0; i < n; i++) d[i] = beta * later[i];
            } else
                memset(d, 0, n * 4);
            for (size i = 0; m && i < n; i++) d[i] += m[i];
            for (size i = 0; s && i < n; i++) {
                float q = 1 + slope * fabsf(u[i] - threshold);
                d[i] += s[i] / (q * q);
            }
        }
    }
}

/* The sum of a table that is read so many times over, in order: what a core reads from whichever cache holds it. */
float reading(const float *table, size numbers, size times, size threads) {
    vf sum[V];
    (void)threads;
    EACH(j, V) sum[j] = (vf){0};
    for (size k = 0; k < times; k++)
        for (size i = 0; i < numbers; i += BLOCK) EACH(j, V) sum[j] += ((const vf *)(table + i))[j];
    for (int j = 1; j < V; j++) sum[0] += sum[j];
    return sum[0][0];
}
