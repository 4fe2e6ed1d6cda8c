/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory_int.h - the keys of the factory data's map. */
#ifndef SELV_STORE_FACTORY_INT_H
#define SELV_STORE_FACTORY_INT_H

enum {
    SELV_FACTORY_CHECK_LEN = 8,
    SELV_FACTORY_KEY_VERSION = 0,
    SELV_FACTORY_KEY_VENDOR = 1,
    SELV_FACTORY_KEY_CLASS = 2,
    SELV_FACTORY_KEY_DEVICE = 3,
    SELV_FACTORY_KEY_SEED = 4,
    SELV_FACTORY_KEY_ANCHOR = 5,    /* bstr .cbor COSE_Key */
    SELV_FACTORY_KEY_COMPONENT = 6, /* bstr .cbor component identifier */
    SELV_FACTORY_KEY_COUNT = 7
};

#endif
