/* A sketch. */
/* Reads a few rows, and prints the answer of the model every two seconds. */
#define MODEL_IMPLEMENTATION /* in one file of a sketch */
#include <@name@.h>

#include "folders/rows.c"

void setup()
{
    Serial.begin(9600);
}

void loop()
{
    const int status = read_rows();
    int i;
    if (status != MODEL_OK) {
        Serial.print("status ");
        Serial.println(status);
    }
#if HAS_CLASSES
    Serial.println(model_label(model_class(y)));
#endif
    for (i = 0; i < @numbers@; i++)
        Serial.println(y[i], 6);
    delay(2000);
}
