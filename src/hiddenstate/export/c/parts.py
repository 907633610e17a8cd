"""The functions of the C header, as text: `@` stands for its name, `$` for it in capitals.

`# if WORD` and `# end` are lines of this template, not of C: what stands between them is part of
the header if the word holds for the model; `# if no WORD` if it does not.
"""

ARITHMETIC = """\
# if exp
static inline int32_t @_bits(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float @_float(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e to the power of x, kept within -87 and 87, as power + power * rest, where power is one of 2 and
   rest from -0.3 to 0.42; not a number unless x is finite. There is no branch, so that a compiler
   can compute several at once. */
static inline float @_exp_parts(float x, float *rest)
{
    const int32_t size = @_bits(x) & 0x7fffffff, sign = @_bits(x) & ~0x7fffffff;
    const int32_t most = 0x42ae0000; /* 87.0f */
    const float within = @_float((size < most ? size : most) | sign);
    const int32_t exponent = (int32_t)(within * 1.44269504f + 127.5f); /* with the bias of float */
    const float n = (float)(exponent - 127);
    /* r = within - n ln 2; the first part of ln 2 is short, so that its product is exact */
    const float r = (within - n * 0.693145752f) - n * 1.42860682e-6f;
    float sum = 1.0f / 5040.0f;
    sum = sum * r + 1.0f / 720.0f;
    sum = sum * r + 1.0f / 120.0f;
    sum = sum * r + 1.0f / 24.0f;
    sum = sum * r + 1.0f / 6.0f;
    sum = sum * r + 0.5f;
    *rest = r + r * r * sum + (x - x);
    return @_float(exponent * ((int32_t)1 << 23));
}

# end
# if softmax
static inline float @_exp(float x)
{
    float rest;
    const float power = @_exp_parts(x, &rest);
    return power + power * rest;
}

# end
# if sigmoid
/* 1 / (1 + e to the power of -x) */
static inline float @_sigmoid(float x)
{
    float rest;
    const float power = @_exp_parts(-x, &rest);
    return 1.0f / (1.0f + power + power * rest);
}

# end
# if tanh
/* (1 - e) / (1 + e) with e to the power of -2 |x|, and the sign of x. Close to 0 power is 1, so
   that nothing cancels. */
static inline float @_tanh(float x)
{
    float rest;
    const int32_t sign = @_bits(x) & ~0x7fffffff;
    const float power = @_exp_parts(-2.0f * @_float(@_bits(x) & 0x7fffffff), &rest);
    const float above = (1.0f - power) - power * rest;
    return @_float(@_bits(above / (1.0f + power + power * rest)) | sign);
}

# end
# if no alone
# if floats
/* Adds to the sum of each row its weights times x. The weights of one input lie side by side, so
   that several rows are computed at once; four inputs are added before they reach the sums. */
static inline void @_add(float *$_ONLY sums, const float *$_ONLY weights, const float *$_ONLY x,
                     int rows, int inputs)
{
    const int fours = inputs - inputs % 4;
    int i, j;
    for (j = 0; j < fours; j += 4, weights += 4 * rows) {
        const float *$_ONLY w1 = weights + rows;
        const float *$_ONLY w2 = w1 + rows;
        const float *$_ONLY w3 = w2 + rows;
        const float x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
        for (i = 0; i < rows; i++)
            sums[i] += (weights[i] * x0 + w1[i] * x1) + (w2[i] * x2 + w3[i] * x3);
    }
    for (j = fours; j < inputs; j++, weights += rows)
        for (i = 0; i < rows; i++)
            sums[i] += weights[i] * x[j];
}

# end
# if bytes
/* Adds to the sum of each row its weights, bytes by the scale of the row, times x. The weights of
   one input lie side by side. */
static inline void @_add_bytes(float *$_ONLY sums, const signed char *$_ONLY weights,
                           const float *$_ONLY scales, const float *$_ONLY x, int rows, int inputs)
{
    float part[$_MOST_ROWS];
    int i, j;
    for (i = 0; i < rows; i++)
        part[i] = 0.0f;
    for (j = 0; j < inputs; j++, weights += rows) {
        const float value = x[j];
        for (i = 0; i < rows; i++)
            part[i] += (float)weights[i] * value;
    }
    for (i = 0; i < rows; i++)
        sums[i] += scales[i] * part[i];
}

# end
# end
# if softmax
static void @_softmax(float *y)
{
    float largest = y[0], sum = 0.0f;
    int i;
    for (i = 1; i < $_OUTPUTS; i++)
        largest = y[i] > largest ? y[i] : largest;
    for (i = 0; i < $_OUTPUTS; i++) {
        y[i] = @_exp(y[i] - largest);
        sum += y[i];
    }
    for (i = 0; i < $_OUTPUTS; i++)
        y[i] /= sum;
}

# end
static int @_finite(const float *values, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (!(values[i] - values[i] == 0.0f))
            return 0;
    return 1;
}

/* Gives n answers that are no numbers, so that a refusal cannot be taken for an answer. */
static int @_refused(int status, float *y, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        y[i] = NAN;
    return status;
}
"""

PREPARATION = """\
/* Makes of the numbers of a step, as in the data, what the network reads. */
# if forward
static int @_prepare(float *known, const float *data, float *x)
# end
# if no forward
static int @_prepare(const float *data, float *x)
# end
{
    int i;
# if no fill
    if (!@_finite(data, $_FEATURES))
        return $_MISSING;
# end
# if log
    for (i = 0; i < $_FEATURES; i++)
        if (@_logarithm[i] && data[i] <= 0.0f)
            return $_NOT_POSITIVE;
# end
    for (i = 0; i < $_FEATURES; i++) {
# if fill
        const int missing = !(data[i] - data[i] == 0.0f);
# end
# if fixed
        double exact = (double)data[i];
        float value;
# if pixels
        exact /= 255.0;
# end
# if scaled
        exact = (exact - @_offset[i]) * @_factor[i];
# end
        value = (float)exact;
# end
# if no fixed
        float value = data[i];
# if pixels
        value /= 255.0f;
# end
# if log
        if (@_logarithm[i])
            value = logf(value);
# end
# if scaled
        value = ((value - @_offset[i]) - @_offset_low[i]) * @_factor[i];
# end
# end
# if forward
        value = missing ? known[i] : value;
# end
# if filled
        value = missing ? @_fill[i] : value;
# end
        x[i] = value;
# if mask
        x[$_FEATURES + i] = missing ? 1.0f : 0.0f;
# end
    }
    if (!@_finite(x, $_FEATURES))
        return $_TOO_LARGE;
# if forward
    memcpy(known, x, $_FEATURES * sizeof *known);
# end
    return $_OK;
}
"""

CELL = """\
# if no alone
/* Reads x, and writes the state that follows over the state. */
# if lstm
static void @_cell(const @_layer *layer, const float *$_ONLY x, float *$_ONLY h, float *$_ONLY c)
{
    float a[4 * $_HIDDEN]; /* of the input gate, the forget gate, the cell and the output gate */
    int i;
    memcpy(a, layer->bias, sizeof a);
    @ADD_INPUT(a, x, 4 * $_HIDDEN);
    @ADD_STATE(a, h, 4 * $_HIDDEN);
    for (i = 0; i < $_HIDDEN; i++) {
        const float keep = @_sigmoid(a[$_HIDDEN + i]) * c[i];
        c[i] = keep + @_sigmoid(a[i]) * @_tanh(a[2 * $_HIDDEN + i]);
        h[i] = @_sigmoid(a[3 * $_HIDDEN + i]) * @_tanh(c[i]);
    }
}
# end
# if gru
static void @_cell(const @_layer *layer, const float *$_ONLY x, float *$_ONLY h)
{
    float a[3 * $_HIDDEN]; /* of the reset gate, the update gate and the candidate: from x */
    float b[3 * $_HIDDEN]; /* from h; the reset gate lets it into the candidate */
    int i;
    memcpy(a, layer->bias, sizeof a);
    memset(b, 0, sizeof b);
    memcpy(b + 2 * $_HIDDEN, layer->state_bias, $_HIDDEN * sizeof *b);
    @ADD_INPUT(a, x, 3 * $_HIDDEN);
    @ADD_STATE(b, h, 3 * $_HIDDEN);
    for (i = 0; i < $_HIDDEN; i++) {
        const float r = @_sigmoid(a[i] + b[i]);
        const float z = @_sigmoid(a[$_HIDDEN + i] + b[$_HIDDEN + i]);
        const float candidate = @_tanh(a[2 * $_HIDDEN + i] + r * b[2 * $_HIDDEN + i]);
        h[i] = (1.0f - z) * candidate + z * h[i];
    }
}
# end
# if rnn
static void @_cell(const @_layer *layer, const float *$_ONLY x, float *$_ONLY h)
{
    float a[$_HIDDEN];
    int i;
    memcpy(a, layer->bias, sizeof a);
    @ADD_INPUT(a, x, $_HIDDEN);
    @ADD_STATE(a, h, $_HIDDEN);
    for (i = 0; i < $_HIDDEN; i++)
# if relu_cell
        h[i] = a[i] < 0.0f ? 0.0f : a[i];
# end
# if no relu_cell
        h[i] = @_tanh(a[i]);
# end
}
# end
# if mean

/* Adds h to a sum; `low` keeps what its rounding loses. */
static void @_sum(float *sum, float *low, const float *h, int n)
{
    int i;
    for (i = 0; i < n; i++) {
        const float value = h[i] - low[i];
        const float after = sum[i] + value;
        low[i] = (after - sum[i]) - value;
        sum[i] = after;
    }
}
# end

/* The answer of a network from what its recurrent layers leave. */
static void @_answer(const @_dense *head, const float *summary, float *y)
{
    memcpy(y, head->bias, $_OUTPUTS * sizeof *y);
    @ADD_HEAD(y, summary, $_OUTPUTS);
# if softmax
    @_softmax(y);
# end
}
# end
# if linear

/* Remembers the last values of the targets, the newest first. */
static void @_remember(@_path *path, const float *x)
{
    int o, k;
    for (o = 0; o < $_OUTPUTS; o++) {
# if effects
        float value = x[@_own[o]];
        for (k = 0; k < $_KNOWN; k++)
            value -= @_effects_now[o * $_KNOWN + k] * x[@_ahead[k]];
# end
# if no effects
        const float value = x[@_own[o]];
# end
        for (k = $_PAST - 1; k > 0; k--)
            path->value[o][k] = path->started ? path->value[o][k - 1] : value;
        path->value[o][0] = value;
    }
    path->started = 1;
}
# end
# if units

/* Turns outputs of the network into the units of the targets. */
# if linear
static void @_in_units(const float *x, const @_path *path, float *y)
# end
# if no linear
static void @_in_units(const float *x, float *y)
# end
{
    int o;
# if no change
    (void)x;
# end
    for (o = 0; o < $_OUTPUTS; o++) {
# if by_window
        double value = (double)y[o];
# end
# if no by_window
        float value = y[o];
# end
# if linear
        int k;
# end
# if change
        value += x[@_change[o]];
# end
# if target_scaled
        value *= @_target_scale[o];
# end
# if linear
        for (k = 0; k < $_PAST; k++)
            value += @_past_weights[o * $_PAST + k] * path->value[o][k];
# end
# if effects
        for (k = 0; k < $_KNOWN; k++)
            value += @_effects_later[o * $_KNOWN + k] * x[@_moved[k]];
# end
# if target_offset
        value = (value + @_target_offset_low[o]) + @_target_offset[o];
# end
# if log
        if (@_target_is_log[o])
# if by_window
            value = exp(value);
# end
# if no by_window
            value = expf(value);
# end
# end
        y[o] = (float)value;
    }
}
# end
"""

AUTOENCODER = """\
/* A layer; `to` has room for its outputs. */
static void @_through(const @_dense *layer, const float *x, float *to)
{
    int i;
    memcpy(to, layer->bias, (size_t)layer->outputs * sizeof *to);
    @ADD_DENSE(to, x, layer->outputs);
    for (i = 0; i < layer->outputs; i++) {
# if dense_tanh
        if (layer->activation == $_TANH)
            to[i] = @_tanh(to[i]);
# end
# if dense_relu
        if (layer->activation == $_RELU)
            to[i] = to[i] < 0.0f ? 0.0f : to[i];
# end
# if dense_sigmoid
        if (layer->activation == $_SIGMOID)
            to[i] = @_sigmoid(to[i]);
# end
    }
}

static void @_all(const @_dense *layers, int count, const float *x, float *to)
{
    float one[$_WIDEST], two[$_WIDEST];
    float *next = one;
    int l;
    for (l = 0; l + 1 < count; l++) {
        @_through(&layers[l], x, next);
        x = next;
        next = next == one ? two : one;
    }
    @_through(&layers[count - 1], x, to);
}

/* From what the network gives to the units of the data. */
static void @_unscaled(const float *x, float *row)
{
    int i;
    for (i = 0; i < $_FEATURES; i++)
# if scaled
        row[i] = (x[i] * @_scale[i] + @_offset_low[i]) + @_offset[i];
# end
# if no scaled
        row[i] = x[i];
# end
}

int @_encode(const float *x, float *code)
{
    float inputs[$_INPUTS];
    int status = @_prepare(x, inputs);
    if (status != $_OK)
        return @_refused(status, code, $_CODE);
    @_all(@_encoder, $_ENCODER_LAYERS, inputs, code);
    return @_finite(code, $_CODE) ? $_OK : @_refused($_TOO_LARGE, code, $_CODE);
}

int @_decode(const float *code, float *row)
{
    float outputs[$_INPUTS];
    if (!@_finite(code, $_CODE))
        return @_refused($_MISSING, row, $_FEATURES);
    @_all(@_decoder, $_DECODER_LAYERS, code, outputs);
    @_unscaled(outputs, row);
    return @_finite(row, $_FEATURES) ? $_OK : @_refused($_TOO_LARGE, row, $_FEATURES);
}

int @_run(const float *x, float *code, float *row, float *error)
{
    float inputs[$_INPUTS], outputs[$_INPUTS], sum = 0.0f;
    int i, status = @_prepare(x, inputs);
    if (status == $_OK) {
        @_all(@_encoder, $_ENCODER_LAYERS, inputs, code);
        @_all(@_decoder, $_DECODER_LAYERS, code, outputs);
        for (i = 0; i < $_INPUTS; i++)
            sum += (outputs[i] - inputs[i]) * (outputs[i] - inputs[i]);
        @_unscaled(outputs, row);
        *error = sum / (float)$_INPUTS;
        if (!@_finite(code, $_CODE) || !@_finite(row, $_FEATURES) || !@_finite(error, 1))
            status = $_TOO_LARGE;
    }
    if (status == $_OK)
        return $_OK;
    @_refused(status, code, $_CODE);
    @_refused(status, error, 1);
    return @_refused(status, row, $_FEATURES);
}
"""

NAMES = """\
# if classes
int @_class(const float *y)
{
    int i, best = 0;
    if (!@_finite(y, $_OUTPUTS))
        return -1;
    for (i = 1; i < $_OUTPUTS; i++)
        best = y[i] > y[best] ? i : best;
    return best;
}

# end
# if names
const char *@_label(int number)
{
    return number >= 0 && number < $_OUTPUTS ? @_names[number] : "";
}
# end
"""
