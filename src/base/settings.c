#include "base/error.h"
#include "lipcert.h"

#include <stdio.h>

#define SET_DEFAULT(type, field, option, standard, smallest, largest, help)                        \
    settings->field = standard;

void lip_settings_default(lip_settings *settings) { LIP_SETTINGS(SET_DEFAULT) }

static lip_status check(const char *option, double value, double smallest, double largest,
                        lip_error *err) {
    if (value >= smallest && value <= largest) return LIP_OK;
    char place[64];
    snprintf(place, sizeof place, "option --%s", option);
    return lip_fail(err, LIP_ARGUMENT, place, "expected a value from %.15g to %.15g, found %.15g",
                    smallest, largest, value);
}

#define CHECK_RANGE(type, field, option, standard, smallest, largest, help)                        \
    if (status == LIP_OK) status = check(option, (double)settings->field, smallest, largest, err);

lip_status lip_settings_check(const lip_settings *settings, lip_error *err) {
    lip_status status = LIP_OK;
    LIP_SETTINGS(CHECK_RANGE)
    return status;
}
