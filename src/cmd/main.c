#include <stdio.h>

int main(void) {
    puts("sillok");
    return 0;
}
