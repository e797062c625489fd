# What is installed beside the programs, and cpack -G DEB: one package that depends on the bubblewrap
# of the distribution.
set(SRT_DOCDIR ${CMAKE_INSTALL_DATADIR}/doc/srt-runtime)
install(FILES ${PROJECT_SOURCE_DIR}/docs/srt-runtime.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${PROJECT_SOURCE_DIR}/docs/srt.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${SRT_DOCDIR} RENAME copyright)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${SRT_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${SRT_DOCDIR} FILES_MATCHING PATTERN "*.md")

# The AppArmor profile is ready to be copied everywhere, and is loaded at boot only where the
# distribution's AppArmor can parse it: on an older one a file in /etc/apparmor.d that does not parse
# makes the whole service fail.
install(FILES ${PROJECT_SOURCE_DIR}/vendor/apparmor/srt-runtime
  DESTINATION ${CMAKE_INSTALL_DATADIR}/apparmor/extra-profiles)
if(EXISTS /etc/apparmor.d/abi/4.0)
  set(SRT_APPARMOR_DEFAULT ON)
else()
  set(SRT_APPARMOR_DEFAULT OFF)
endif()
option(SRT_APPARMOR "The package puts the AppArmor profile into /etc/apparmor.d" ${SRT_APPARMOR_DEFAULT})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME srt-runtime)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "OCI container runtime over bubblewrap")
set(CPACK_PACKAGE_CONTACT "srt-runtime authors <srt-runtime@example.org>")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "bubblewrap (>= 0.8.0)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "uidmap, libsystemd0, libssl3 | libssl3t64, ca-certificates")
# libsystemd0: srt-scope's, for --systemd-cgroup; libssl3: srt-tls's, for network.tlsTerminate
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
if(SRT_APPARMOR)
  set(CPACK_INSTALLED_DIRECTORIES ${PROJECT_SOURCE_DIR}/vendor/apparmor /etc/apparmor.d)
  file(WRITE ${PROJECT_BINARY_DIR}/package/conffiles "/etc/apparmor.d/srt-runtime\n")
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/package/conffiles)
endif()
include(CPack)
