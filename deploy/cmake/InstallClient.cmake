# What `cmake --install` gives to a service of one's own: find_package(Carillon), carillon::client.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Carillon)
set_target_properties(carillon_proto PROPERTIES EXPORT_NAME proto)
set_target_properties(carillon_wire PROPERTIES EXPORT_NAME wire)
set_target_properties(carillon_client PROPERTIES EXPORT_NAME client)
install(TARGETS carillon_proto carillon_wire carillon_client EXPORT Carillon COMPONENT client
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT Carillon FILE CarillonTargets.cmake NAMESPACE carillon:: COMPONENT client
        DESTINATION ${package_folder})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/clients/cpp/include/ ${PROJECT_SOURCE_DIR}/proto/
                  ${PROJECT_BINARY_DIR}/proto/gen/
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client
        FILES_MATCHING PATTERN *.h)
foreach(package carillon/v1 google/rpc)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/${package}/
          DESTINATION ${CMAKE_INSTALL_DATADIR}/carillon/proto/${package} COMPONENT client
          FILES_MATCHING PATTERN *.proto)
endforeach()

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/CarillonConfig.cmake.in ${PROJECT_BINARY_DIR}/CarillonConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/CarillonConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CarillonConfig.cmake
              ${PROJECT_BINARY_DIR}/CarillonConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT client)
