/* Puts the quantiles of each target in order. */

    for (o = 1; o < MODEL_OUTPUTS; o++) {
        const float value = y[o];
        int place = o;
        for (; place % MODEL_QUANTILES != 0 && y[place - 1] > value; place--)
            y[place] = y[place - 1];
        y[place] = value;
    }
